"""Error margins of an estimate that depends on two samples: test images and seeds."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, hypot, log, sqrt

import scipy

SMALLEST_P_VALUE = 1e-100  # scipy's quantiles of t are exact down to here; smaller p-values are reported as 0


@dataclass(frozen=True)
class ErrorParts:
    """The variances of an estimate from sampling images and from sampling seeds, each with its degrees of freedom.

    The two margins, each with its own quantile of Student's t, are combined in quadrature. A single t distribution with
    Satterthwaite's degrees of freedom is too narrow with few seeds: if their sample variance happens to be small, it
    takes the degrees of freedom of the images.

    If two networks have different numbers of seeds, `sides` are the two variances that make up that of the seeds, each
    with its degrees of freedom. The quantile is then the mean of the two sides' own, weighted by their variances:
    Welch's degrees of freedom give more false alarms if the seeds are skewed.

    Source: Howe 1974; Zou & Donner 2008; Cochran & Cox 1950, Experimental Designs, for two sides.
    """

    images: float
    images_freedom: float
    seeds: float = 0.0
    seeds_freedom: float = 1.0
    sides: tuple[tuple[float, float], ...] = ()

    @property
    def standard_error(self) -> float:
        return sqrt(self.images + self.seeds)

    def margin(self, tail: float) -> float:
        """Return the distance that the estimate exceeds in one direction with a probability of at most `tail`.

        >>> round(ErrorParts(1.0, 1e9).margin(0.025), 2), round(ErrorParts(0.0, 9, 1.0, 2).margin(0.025), 2)
        (1.96, 4.3)
        """
        for_images = -float(scipy.special.stdtrit(self.images_freedom, tail)) * sqrt(self.images)
        return hypot(for_images, self._seeds_quantile(tail) * sqrt(self.seeds))

    def _seeds_quantile(self, tail: float) -> float:
        whole = sum(variance for variance, _ in self.sides)
        if not whole:
            return -float(scipy.special.stdtrit(self.seeds_freedom, tail))
        quantiles = ((variance, -float(scipy.special.stdtrit(freedom, tail))) for variance, freedom in self.sides)
        return sum(variance * quantile for variance, quantile in quantiles) / whole

    def p_value(self, distance: float) -> float:
        """Return the two-sided p-value of an estimate at this distance from the hypothesized value.

        >>> round(ErrorParts(1.0, 1e9).p_value(1.96), 3)
        0.05
        """
        if distance == 0 or self.standard_error == 0:
            return 1.0 if distance == 0 else 0.0
        if self.margin(SMALLEST_P_VALUE / 2) <= abs(distance):
            return 0.0
        exponent = scipy.optimize.brentq(
            lambda exponent: self.margin(exp(exponent) / 2) - abs(distance), log(SMALLEST_P_VALUE), 0.0
        )
        return exp(float(exponent))
