"""Differences of two networks in metrics other than top-1, paired by image, with tests and margins of equivalence."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from convstudy.statistics.accuracy import CONFIDENCE
from convstudy.statistics.calibration import BINS, bins_of
from convstudy.statistics.difference import with_seeds
from convstudy.statistics.influence import (
    Influences,
    balanced_accuracy_influences,
    log_loss_influences,
    macro_f1_influences,
)
from convstudy.statistics.metrics import Labels, Predictions, check_predictions, check_probabilities
from convstudy.statistics.variation import cleared, image_variance, seed_variation

Probabilities = npt.NDArray[np.floating]  # seeds x images x classes


@dataclass(frozen=True)
class MetricDifference:
    """A metric of one network minus that of another.

    `low` and `high` are the limits of its interval, `p_value` is for "they are equal", and `equivalent_within` is the
    smallest margin within which they are shown to be equal, by two one-sided tests.
    """

    value: float
    low: float
    high: float
    p_value: float
    equivalent_within: float


def balanced_accuracy_difference(
    a: Predictions, b: Predictions, labels: Labels, confidence: float = CONFIDENCE
) -> MetricDifference:
    """Compare two networks by balanced accuracy.

    >>> labels = np.repeat([0, 1], [90, 10])
    >>> found = balanced_accuracy_difference(np.tile(labels, (3, 1)), np.zeros((3, 100), int), labels)
    >>> found.value, found.p_value < 0.05
    (0.5, True)
    """
    check_predictions(a, labels)
    check_predictions(b, labels)
    return _of_classes(
        balanced_accuracy_influences(a, labels), balanced_accuracy_influences(b, labels), labels, confidence
    )


def macro_f1_difference(
    a: Predictions, b: Predictions, labels: Labels, confidence: float = CONFIDENCE
) -> MetricDifference:
    """Compare two networks by macro F1.

    >>> labels = np.arange(100) % 4
    >>> macro_f1_difference(np.tile(labels, (2, 1)), np.tile(labels, (3, 1)), labels).p_value
    1.0
    """
    check_predictions(a, labels)
    check_predictions(b, labels)
    return _of_classes(macro_f1_influences(a, labels), macro_f1_influences(b, labels), labels, confidence)


def log_loss_difference(
    a: Probabilities, b: Probabilities, labels: Labels, confidence: float = CONFIDENCE
) -> MetricDifference:
    """Compare two networks by log loss, in nats.

    >>> a, b = np.tile([[0.9, 0.1], [0.8, 0.2]], (2, 50, 1)), np.tile([[0.6, 0.4], [0.5, 0.5]], (2, 50, 1))
    >>> log_loss_difference(a, b, np.zeros(100, int)).value.__round__(3)
    -0.438
    """
    check_probabilities(a, labels)
    check_probabilities(b, labels)
    return losses_difference(log_loss_influences(a, labels), log_loss_influences(b, labels), confidence)


def losses_difference(a: Influences, b: Influences, confidence: float = CONFIDENCE) -> MetricDifference:
    """Compare two networks by their losses, seeds x images.

    >>> losses_difference(np.full((2, 100), 0.25), np.full((3, 100), 0.5)).value
    -0.25
    """
    images = a.shape[1]
    least = 1e-12 / images  # equal answers differ by rounding only
    return _difference(a, b, least, max(images - 1, 1), confidence)


def calibration_difference(
    a: Probabilities, b: Probabilities, labels: Labels, confidence: float = CONFIDENCE, bins: int = BINS
) -> MetricDifference:
    """Compare two networks by their squared calibration error: the mean over bins of (accuracy - confidence)^2.

    Unlike the expected calibration error, it has an estimate without bias, so that a network with few wrong answers is
    not taken for better calibrated. Its variance has a part that remains if both networks are perfectly calibrated.

    Source: Kumar et al. 2019, Verified Uncertainty Calibration, section 4, for the estimate.

    >>> sure, unsure = np.tile([[0.99, 0.01]], (3, 300, 1)), np.tile([[0.7, 0.3]], (3, 300, 1))
    >>> calibration_difference(sure, unsure, np.arange(300) % 10 // 7).p_value < 0.05
    True
    """
    check_probabilities(a, labels)
    check_probabilities(b, labels)
    first, second = (ConfidentAnswers(each.max(2), each.argmax(2) == labels) for each in (a, b))
    return confidences_difference(first, second, confidence, bins)


@dataclass(frozen=True)
class ConfidentAnswers:
    """Seeds x images: the probability of the predicted class, and whether it is right."""

    confidence: npt.NDArray[np.floating]
    right: npt.NDArray[np.bool_]


def confidences_difference(
    a: ConfidentAnswers, b: ConfidentAnswers, confidence: float = CONFIDENCE, bins: int = BINS
) -> MetricDifference:
    """Compare two networks by their squared calibration error, as `calibration_difference` does."""
    (first, of_a), (second, of_b) = (_squared_errors(each, bins) for each in (a, b))
    return _bounded(_difference(first, second, of_a + of_b, max(a.right.shape[1] - 1, 1), confidence, add=True))


def _squared_errors(answers: ConfidentAnswers, bins: int) -> tuple[Influences, float]:
    """Return the influences on the squared calibration error, and the variance that they do not contain.

    Of a bin of n images with the sum D of (right - confidence), whose variance is V, (D^2 - V) / n^2 is the squared
    error without bias. Its variance is 4 mu^2 V + 2 V^2 over n^4, of which D^2 in place of mu^2 gives 4 V^2 too much.
    V is at least that of answers that are right with the probability of the confidence: where all answers are right,
    their own variance is that of the confidences only.
    """
    images = answers.right.shape[1]
    rows, rests = [], []
    for confidence, right in zip(answers.confidence.astype(np.float64), answers.right, strict=True):
        bin_of, gap = bins_of(confidence, bins), right - confidence
        sizes = np.bincount(bin_of, minlength=bins)
        sums, squares = np.bincount(bin_of, gap, bins), np.bincount(bin_of, gap**2, bins)
        counts = np.maximum(sizes, 1)
        stated = np.bincount(bin_of, np.clip(confidence * (1 - confidence), 0.0, None), bins)
        variances = np.maximum((squares - sums**2 / counts) * counts / np.maximum(counts - 1, 1), stated)
        value = float(((sums**2 - variances) / counts).sum()) / images
        moved = 2 * (sums / counts)[bin_of] * (gap - (sums / counts)[bin_of])
        rows.append(value + moved - moved.mean())
        rests.append(float((2 * variances**2 / counts**2).sum()) / images**2)
    return np.stack(rows), float(np.mean(rests))


def _of_classes(a: Influences, b: Influences, labels: Labels, confidence: float) -> MetricDifference:
    """Compare by influences on a mean over classes; of a class without a difference, one that was not seen is added.

    The variance of images has the degrees of freedom of Satterthwaite 1946 from the classes' own variances, because a
    few images of a small class may dominate it.
    """
    _, class_of, sizes = np.unique(labels, return_inverse=True, return_counts=True)
    classes, images = len(sizes), len(labels)
    scores = (a - a.mean(1, keepdims=True)).mean(0) - (b - b.mean(1, keepdims=True)).mean(0)
    means = np.bincount(class_of, scores) / sizes
    squares = np.bincount(class_of, (scores - means[class_of]) ** 2)
    variances = squares / images**2
    unseen = np.where(squares < 1e-12, 1 / (sizes * (sizes + 2)) / classes**2, 0.0)
    parts = variances + unseen
    freedom = float(parts.sum() ** 2 / (parts**2 / np.maximum(sizes - 1, 1)).sum())
    return _bounded(_difference(a, b, float(unseen.sum()), freedom, confidence, add=True))


def _bounded(found: MetricDifference) -> MetricDifference:
    """Return the difference of metrics that are from 0 to 1 with limits from -1 to 1."""
    within = min(found.equivalent_within, 1.0)
    return replace(found, low=max(found.low, -1.0), high=min(found.high, 1.0), equivalent_within=within)


def _difference(
    a: Influences, b: Influences, least: float, freedom: float, confidence: float, *, add: bool = False
) -> MetricDifference:
    """Compare by influences, with a variance from images of at least `least`, or larger by it."""
    variations = [seed_variation(a), seed_variation(b)]
    of_images = cleared(image_variance(a.mean(0) - b.mean(0)), variations)
    of_images = of_images + least if add else max(of_images, least)
    parts = with_seeds(of_images, freedom, variations)
    value = float(a.mean() - b.mean())
    margin, shorter = parts.margin((1 - confidence) / 2), parts.margin(1 - confidence)
    return MetricDifference(value, value - margin, value + margin, parts.p_value(value), abs(value) + shorter)
