"""Tango's score statistic for the difference of two single runs on the same images."""

from __future__ import annotations

from math import sqrt

import scipy

ALMOST_ONE = 1 - 1e-9


def score(first_only: int, second_only: int, images: int, difference: float) -> float:
    """Return how many standard errors the observed difference lies above `difference`, if that is the true one.

    Of the images, `first_only` were right in the first run only and `second_only` in the second only. The standard
    error is computed for the assumed difference; unlike one computed from the observed difference, it is not zero if
    the runs agree on every image.

    Source: Tango 1998, Statistics in Medicine 17, equations 8 to 12; Fagerland et al. 2014, section 4.

    >>> round(score(1, 7, 21, 0.0), 3)  # for a difference of 0 it is McNemar's: (1 - 7) / sqrt(8)
    -2.121
    """
    share = _supposed_share(first_only, second_only, images, difference)
    variance = images * (2 * share + difference * (1 - difference))
    above = first_only - second_only - images * difference
    if variance > 0:
        return float(above / sqrt(variance))
    return 0.0 if above == 0 else float("inf") * above


def _supposed_share(first_only: int, second_only: int, images: int, difference: float) -> float:
    """Return the maximum-likelihood share of images that only the second run gets right, given the difference."""
    linear = -first_only - second_only + (2 * images - first_only + second_only) * difference
    constant = -second_only * difference * (1 - difference)
    root = sqrt(max(linear**2 - 8 * images * constant, 0.0))
    return (root - linear) / (4 * images)


def score_interval(first_only: int, second_only: int, images: int, confidence: float) -> tuple[float, float]:
    """Return the lowest and highest difference that the score test does not reject.

    >>> [round(limit, 3) for limit in score_interval(1, 7, 21, 0.95)]
    [-0.517, -0.026]
    """
    limit = float(scipy.stats.norm.isf((1 - confidence) / 2))
    observed = (first_only - second_only) / images

    def solve(low: float, high: float, wanted: float) -> float:
        return float(
            scipy.optimize.brentq(
                lambda difference: score(first_only, second_only, images, difference) - wanted, low, high
            )
        )

    low = -1.0 if first_only - second_only == -images else solve(-ALMOST_ONE, observed, limit)
    high = 1.0 if first_only - second_only == images else solve(observed, ALMOST_ONE, -limit)
    return low, high
