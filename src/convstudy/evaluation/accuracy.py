"""Top-1 accuracy over seeds, with its interval."""

from __future__ import annotations

from dataclasses import dataclass

from scipy import stats
from scipy.special import expit, logit
from statsmodels.stats.proportion import proportion_confint

from convstudy.evaluation.variation import Answers, combine, image_variance, seed_variance

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Interval:
    """An estimate between its limits."""

    value: float
    low: float
    high: float


def accuracy_interval(answers: Answers, confidence: float = CONFIDENCE) -> Interval:
    """Mean accuracy of seeds x images answers, with an interval that covers other seeds and other test images.

    Student's t on the logit scale, so that the limits stay between 0 and 1, with the variance and degrees of freedom
    of `variation`. For a single seed, and where all answers are right or all wrong, Wilson's interval, which covers
    other test images only.

    Source: Wilson 1927; the logit interval is Korn & Graubard 1998, section 2.

    >>> import numpy as np
    >>> interval = accuracy_interval(np.array([[True] * 90 + [False] * 10]))
    >>> [round(limit, 4) for limit in (interval.low, interval.value, interval.high)]
    [0.8256, 0.9, 0.9448]
    """
    seeds, images = answers.shape
    mean = float(answers.mean())
    variation = combine(image_variance(answers.mean(0)), images, [(seeds, *seed_variance(answers))])
    if seeds == 1 or variation.variance == 0:
        low, high = proportion_confint(answers.sum() / seeds, images, alpha=1 - confidence, method="wilson")
        return Interval(mean, float(low), float(high))
    quantile = float(stats.t.isf((1 - confidence) / 2, variation.degrees_of_freedom))
    margin = quantile * variation.variance**0.5 / (mean * (1 - mean))
    return Interval(mean, float(expit(logit(mean) - margin)), float(expit(logit(mean) + margin)))
