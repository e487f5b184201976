"""The probability that one network beats another on a new seed."""

from __future__ import annotations

import scipy

from convstudy.statistics.accuracy import CONFIDENCE, Interval
from convstudy.statistics.variation import Answers


def chance_of_beating(a: Answers, b: Answers, confidence: float = CONFIDENCE) -> Interval | None:
    """Return the probability that the first network beats the second on these images if both are trained on a new seed.

    Top-1 of a network is taken as normally distributed over seeds, with a variance per network. The probability is that
    of the predictive distribution, Student's t, which allows for how little few seeds say about mean and spread. The
    interval comes from the noncentral t distribution, widened to include the probability, and covers other seeds, not
    other images. A variance is at least that of rounding to whole images. None if a network has a single seed, which
    says nothing about other seeds.

    Source: Geisser 1993, section 2.2 for the predictive distribution, with Welch's degrees of freedom; Reiser & Guttman
    1986 for the interval.

    >>> import numpy as np
    >>> a, b = np.arange(100) < np.array([[90], [91], [92]]), np.arange(100) < np.array([[88], [90], [89]])
    >>> chance = chance_of_beating(a, b)
    >>> [round(value, 2) for value in (chance.low, chance.value, chance.high)]
    [0.46, 0.86, 1.0]
    """
    if min(len(a), len(b)) < 2:
        return None
    rounding = 1 / (12 * a.shape[1] ** 2)
    variances = [max(float(answers.mean(1).var(ddof=1)), rounding) for answers in (a, b)]
    seeds = (len(a), len(b))
    spread = sum(variances) ** 0.5
    error = sum(variance / count for variance, count in zip(variances, seeds, strict=True)) ** 0.5
    squares = sum(variance**2 / (count - 1) for variance, count in zip(variances, seeds, strict=True))
    difference = float(a.mean() - b.mean())
    freedom = sum(variances) ** 2 / squares
    predicted = float(scipy.stats.t.cdf(difference / (spread**2 + error**2) ** 0.5, freedom))
    low, high = (
        float(scipy.stats.norm.cdf(limit * error / spread))
        for limit in noncentrality_interval(difference / error, freedom, confidence)
    )
    return Interval(predicted, min(low, predicted), max(high, predicted))


def noncentrality_interval(t: float, degrees_of_freedom: float, confidence: float) -> tuple[float, float]:
    """Return the noncentralities of Student's t for which `t` is neither too large nor too small.

    Source: Steiger & Fouladi 1997.
    """
    tail = (1 - confidence) / 2
    return float(scipy.special.nctdtrinc(degrees_of_freedom, 1 - tail, t)), float(
        scipy.special.nctdtrinc(degrees_of_freedom, tail, t)
    )
