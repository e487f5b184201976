"""Confidence intervals of metrics if test images come in groups, or are tested in folds of a cross-validation."""

from __future__ import annotations

from dataclasses import replace
from math import exp, log, sqrt

import numpy as np
import numpy.typing as npt
import scipy

from convstudy.statistics.accuracy import CONFIDENCE, Interval, accuracy_interval
from convstudy.statistics.folds import Folds, Sample, fold_error, units_of
from convstudy.statistics.groups import by_group
from convstudy.statistics.influence import (
    balanced_accuracy_freedom,
    balanced_accuracy_influences,
    macro_f1_influences,
)
from convstudy.statistics.margin import ErrorParts
from convstudy.statistics.metrics import Labels, Predictions, check_predictions
from convstudy.statistics.variation import Answers, cleared, image_variance, seed_variation

NEARLY = 1e-9  # 0 or 1, where a proportion has no spread
UNSEEN = 0.5  # of the variance that one group of the usual size adds if all its images are wrong


def top1_interval(answers: Answers, sample: Sample | None = None, confidence: float = CONFIDENCE) -> Interval:
    """Return the mean accuracy of seeds x images answers with its interval, for a sample other than one of images.

    >>> images = np.arange(200)
    >>> alone, grouped = (top1_interval((images < 160)[None], sample) for sample in (None, images // 10))
    >>> round(alone.high - alone.low, 2), round(grouped.high - grouped.low, 2)
    (0.11, 0.36)
    """
    return (
        accuracy_interval(answers, confidence) if sample is None else group_share_interval(answers, sample, confidence)
    )


def group_share_interval(
    influences: npt.NDArray[np.generic],
    sample: Sample,
    confidence: float = CONFIDENCE,
    freedom: float | None = None,
) -> Interval:
    """Return a metric between 0 and 1 with its interval, from seeds x images influences of images in groups.

    It is Wilson's interval with as many images as would give the same margin if they were independent, at most as many
    as there are. A few groups that are all right do not show how much the images of a wrong one would have in common.
    So the variance is at least half of that of one group that is wholly wrong, but not more than if all images of each
    group were alike.

    Source: Wilson 1927; Korn & Graubard 1998 for the effective number of independent observations.

    >>> interval = group_share_interval(np.ones((1, 200)), np.arange(200) // 10)
    >>> round(interval.low, 2), interval.high  # Wilson's for 20 images that are all right: 0.84
    (0.82, 1.0)
    """
    units = units_of(sample)
    sizes = np.bincount(units)
    alike = float((sizes**2).sum()) / len(units) ** 2
    value = min(max(float(influences.mean()), 0.0), 1.0)
    inner = min(max(value, NEARLY), 1 - NEARLY)
    spread = inner * (1 - inner)
    parts = _error(influences, sample, least=min(UNSEEN * alike / len(sizes), spread * alike), freedom=freedom)
    quantile = float(scipy.special.ndtri((1 + confidence) / 2))
    effective = min(spread * (quantile / parts.margin((1 - confidence) / 2)) ** 2, len(units))
    center = (value + quantile**2 / (2 * effective)) / (1 + quantile**2 / effective)
    width = quantile * sqrt(value * (1 - value) / effective + quantile**2 / (4 * effective**2))
    width /= 1 + quantile**2 / effective
    return Interval(value, max(center - width, 0.0), min(center + width, 1.0))


def group_loss_interval(
    influences: npt.NDArray[np.float64], sample: Sample, confidence: float = CONFIDENCE
) -> Interval:
    """Return a metric above 0 with its interval, on the logarithmic scale, for images in groups."""
    value = float(influences.mean())
    margin = _error(influences, sample).margin((1 - confidence) / 2) / value if value > 0 else 0.0
    return (
        Interval(value, exp(log(value) - margin), exp(log(value) + margin)) if margin else Interval(value, value, value)
    )


def group_balanced_accuracy_interval(predictions: Predictions, labels: Labels, sample: Sample) -> Interval:
    """Return the mean balanced accuracy over seeds with its interval."""
    check_predictions(predictions, labels)
    freedom = balanced_accuracy_freedom(predictions, labels)
    return group_share_interval(balanced_accuracy_influences(predictions, labels), sample, freedom=freedom)


def group_macro_f1_interval(predictions: Predictions, labels: Labels, sample: Sample) -> Interval:
    """Return the mean macro F1 over seeds with its interval."""
    check_predictions(predictions, labels)
    return group_share_interval(macro_f1_influences(predictions, labels), sample)


def _error(
    influences: npt.NDArray[np.generic], sample: Sample, *, least: float | None = None, freedom: float | None = None
) -> ErrorParts:
    """Return the variances of a mean, that of images or groups being at least `least`."""
    if isinstance(sample, Folds):
        parts = fold_error(influences.astype(np.float64), sample, least)
    else:
        table = by_group(influences, sample)
        variation = seed_variation(table.influences)
        of_groups = cleared(image_variance(table.influences.mean(0)), [variation])
        of_groups = max(of_groups, (least or 0.0) - variation.observed)
        parts = ErrorParts(of_groups, table.freedom, variation.observed, max(len(influences) - 1, 1))
    return replace(parts, images_freedom=min(parts.images_freedom, freedom or parts.images_freedom))
