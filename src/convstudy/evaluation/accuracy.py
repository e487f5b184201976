"""Top-1 accuracy over seeds, with its interval."""

from __future__ import annotations

from dataclasses import dataclass
from math import hypot

from scipy import stats
from scipy.special import expit, logit
from statsmodels.stats.proportion import proportion_confint

from convstudy.evaluation.variation import Answers, cleared, image_variance, seed_variation

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Interval:
    """An estimate between its limits."""

    value: float
    low: float
    high: float


def accuracy_interval(answers: Answers, confidence: float = CONFIDENCE) -> Interval:
    """Mean accuracy of seeds x images answers, with an interval that covers other seeds and other test images.

    On the logit scale, so that the limits stay between 0 and 1. The margins for images and for seeds, each with its
    own quantile of Student's t, are added as the sides of a right angle: few seeds widen the interval by their own
    quantile, however their variance happens to come out. For a single seed, and where all answers are right or all
    wrong, it is Wilson's interval, which covers other test images only.

    Source: Graybill & Wang 1980 for the sum of two margins; Korn & Graubard 1998 for the logit scale; Wilson 1927.

    >>> import numpy as np
    >>> interval = accuracy_interval(np.array([[True] * 90 + [False] * 10]))
    >>> [round(limit, 4) for limit in (interval.low, interval.value, interval.high)]
    [0.8256, 0.9, 0.9448]
    """
    seeds, images = answers.shape
    mean = float(answers.mean())
    variation = seed_variation(answers)
    image_part = cleared(image_variance(answers.mean(0)), [variation])
    if seeds == 1 or image_part + variation.observed == 0:
        low, high = proportion_confint(answers.sum() / seeds, images, alpha=1 - confidence, method="wilson")
        return Interval(mean, float(low), float(high))
    tail = (1 - confidence) / 2
    for_images = float(stats.t.isf(tail, max(images - 1, 1))) * image_part**0.5
    for_seeds = float(stats.t.isf(tail, seeds - 1)) * variation.observed**0.5
    margin = hypot(for_images, for_seeds) / (mean * (1 - mean))
    return Interval(mean, float(expit(logit(mean) - margin)), float(expit(logit(mean) + margin)))
