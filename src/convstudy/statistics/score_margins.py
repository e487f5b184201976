"""Margins of a mean of shares for the sampling of images: the score interval, of one class or of many."""

from __future__ import annotations

from math import sqrt

import numpy as np
import numpy.typing as npt
import scipy

Shares = npt.NDArray[np.float64]  # one per class

STEPS = 42  # of bisection, each halves the logarithm's range
ROUNDING = float(np.finfo(np.float64).eps) ** 2
RANGE = 30.0  # of the logarithm of the tilt: beyond it, shares no longer move in double precision


def score_margins(shares: Shares, sizes: Shares, tail: float, ratio: float = 1.0) -> tuple[float, float]:
    """Return how far below and above the mean of the shares its true value may lie, each with a probability of `tail`.

    Each share is that of right answers among `sizes` images of a class, and the classes are independent. A value is
    within the margin if the score test does not reject it: its variance is computed from the most likely shares of
    which it is the mean, not from the observed ones. A class with few images, all of them right, therefore adds what
    so few images leave open. For one class this is Wilson's interval, also for several classes of the same size
    without any error. `ratio` is the variance divided by that of independent answers: below 1 if the shares are means
    over seeds.

    Source: Wilson 1927; Miettinen & Nurminen 1985 for variances from constrained maximum-likelihood estimates, applied
    here to a mean over classes.

    >>> [round(limit, 4) for limit in score_margins(np.array([0.9]), np.array([100.0]), 0.025)]  # 0.8256 to 0.9448
    [0.0744, 0.0448]
    >>> [round(limit, 3) for limit in score_margins(np.array([1.0, 1.0]), np.array([100.0, 1.0]), 0.025)]
    [0.397, 0.0]
    """
    sizes = sizes.astype(np.float64)
    limit = float(scipy.special.ndtri(tail)) ** 2 * ratio
    if len(sizes) == 1:
        return _wilson(float(shares[0]), limit / float(sizes[0]))
    return _below(shares * sizes, sizes, limit), _below(sizes - shares * sizes, sizes, limit)


def _wilson(share: float, limit: float) -> tuple[float, float]:
    """Return the margins in which (share - p)^2 is at most `limit` times p (1 - p)."""
    center = (share + limit / 2) / (1 + limit)
    width = sqrt(limit * share * (1 - share) + limit**2 / 4) / (1 + limit)
    return max(share - center + width, 0.0), max(center + width - share, 0.0)


def _below(right: Shares, sizes: Shares, limit: float) -> float:
    """Return how far the mean share can fall before its squared distance exceeds `limit` variances."""
    observed = float((right / sizes).mean())

    def most_likely(tilt: float) -> Shares:
        """Return the shares whose likelihood is largest for their mean, which falls with the tilt.

        They solve right / p - (sizes - right) / (1 - p) = tilt.
        """
        linear = sizes + tilt
        root = np.sqrt(np.maximum(linear**2 - 4 * tilt * right, 0.0))
        found: Shares = np.minimum(2 * right / (linear + root), 1.0)
        return found

    def rejected(tilt: float) -> bool:
        supposed = most_likely(tilt)
        variance = float((supposed * (1 - supposed) / sizes).sum()) / len(sizes) ** 2
        return (observed - float(supposed.mean())) ** 2 > limit * variance + ROUNDING

    low, high = -RANGE, RANGE + float(np.log(sizes.max()))
    for _ in range(STEPS):
        middle = (low + high) / 2
        if rejected(float(np.exp(middle))):
            high = middle
        else:
            low = middle
    return max(observed - float(most_likely(float(np.exp(low))).mean()), 0.0)
