"""Top-1 accuracy over seeds, or any other metric, with its confidence interval."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, log

import numpy as np
import numpy.typing as npt
from scipy.special import expit, logit

from convstudy.statistics.margin import ErrorParts
from convstudy.statistics.variation import Answers, cleared, image_variance, seed_variation

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Interval:
    """An estimate with its lower and upper limits."""

    value: float
    low: float
    high: float


def accuracy_interval(answers: Answers, confidence: float = CONFIDENCE) -> Interval:
    """Return the mean accuracy of seeds x images answers, with its interval.

    The interval covers other seeds and other test images. It is computed on the logit scale, so that its limits stay
    between 0 and 1. The margins for images and for seeds, each with its own quantile of Student's t, are combined in
    quadrature: with few seeds the interval is wide because of their own quantile, even if their sample variance happens
    to be small. For a single seed, and if all answers are right or all are wrong, the result is Wilson's interval,
    which covers other test images only.

    Source: Howe 1974 and Zou & Donner 2008 for the sum of two margins; Wilson 1927.

    >>> interval = accuracy_interval(np.array([[True] * 90 + [False] * 10]))
    >>> [round(limit, 4) for limit in (interval.low, interval.value, interval.high)]
    [0.8256, 0.9, 0.9448]
    """
    if len(answers) == 1:
        return _wilson(float(answers.mean()), answers.shape[1], confidence)
    return share_interval(answers.astype(np.float64), confidence)


def share_interval(
    influences: npt.NDArray[np.float64], confidence: float = CONFIDENCE, images_freedom: float | None = None
) -> Interval:
    """Return a metric between 0 and 1 with its interval, from seeds x images influences; see `accuracy_interval`.

    The logit scale is used for a single seed, too. The variance from images has N - 1 degrees of freedom by default.
    """
    value = float(influences.mean())
    margin = _margin(influences, confidence, images_freedom)
    if margin == 0 or not 0 < value < 1:
        return _wilson(min(max(value, 0.0), 1.0), influences.shape[1], confidence)
    margin /= value * (1 - value)
    return Interval(value, float(expit(logit(value) - margin)), float(expit(logit(value) + margin)))


def loss_interval(influences: npt.NDArray[np.float64], confidence: float = CONFIDENCE) -> Interval:
    """Return a metric above 0 with its interval, from seeds x images influences, on the logarithmic scale.

    >>> interval = loss_interval(np.array([[0.1, 0.2, 0.3, 0.2]]))
    >>> [round(limit, 3) for limit in (interval.low, interval.value, interval.high)]
    [0.104, 0.2, 0.383]
    """
    value = float(influences.mean())
    margin = _margin(influences, confidence) / value if value > 0 else 0.0
    return (
        Interval(value, exp(log(value) - margin), exp(log(value) + margin)) if margin else Interval(value, value, value)
    )


def _margin(influences: npt.NDArray[np.float64], confidence: float, images_freedom: float | None = None) -> float:
    seeds, images = influences.shape
    variation = seed_variation(influences)
    image_part = cleared(image_variance(influences.mean(0)), [variation])
    parts = ErrorParts(image_part, images_freedom or max(images - 1, 1), variation.observed, max(seeds - 1, 1))
    return parts.margin((1 - confidence) / 2)


def _wilson(share: float, images: int, confidence: float) -> Interval:
    from statsmodels.stats.proportion import proportion_confint  # noqa: PLC0415 - slow to import

    low, high = proportion_confint(share * images, images, alpha=1 - confidence, method="wilson")
    return Interval(share, float(low), float(high))
