"""Metrics other than top-1, as means over seeds with intervals that cover other seeds and other test images."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from convstudy.statistics.accuracy import CONFIDENCE, Interval, accuracy_interval, loss_interval, share_interval
from convstudy.statistics.influence import (
    balanced_accuracy_influences,
    class_f1,
    class_recalls,
    log_loss_influences,
    macro_f1_influences,
)
from convstudy.statistics.metrics import Labels, Predictions, check_predictions, check_probabilities


def top5_interval(
    probabilities: npt.NDArray[np.floating], labels: Labels, k: int = 5, confidence: float = CONFIDENCE
) -> Interval:
    """Return the mean top-5 (or top-`k`) accuracy over seeds with its interval, computed like that of top-1.

    >>> table = np.array([[[0.5, 0.3, 0.2], [0.1, 0.2, 0.7]]])
    >>> top5_interval(table, np.array([1, 0]), k=2).value
    0.5
    """
    check_probabilities(probabilities, labels)
    best = np.argsort(probabilities, axis=2, kind="stable")[:, :, ::-1][:, :, :k]
    return accuracy_interval((best == labels[:, None]).any(2), confidence)


def balanced_accuracy_interval(predictions: Predictions, labels: Labels, confidence: float = CONFIDENCE) -> Interval:
    """Return the mean balanced accuracy over seeds with its interval, that of a mean of independent shares.

    >>> balanced_accuracy_interval(np.array([[0, 0, 0, 1, 1, 0]]), np.array([0, 0, 0, 1, 1, 1])).value.__round__(3)
    0.833
    """
    check_predictions(predictions, labels)
    shares, sizes = class_recalls(predictions, labels)
    return share_interval(balanced_accuracy_influences(predictions, labels), shares, sizes, confidence)


def macro_f1_interval(predictions: Predictions, labels: Labels, confidence: float = CONFIDENCE) -> Interval:
    """Return the mean macro F1 over seeds with its interval.

    F1 of a class is TP / (TP + (FP + FN) / 2), a share of "images" of which an error is half of one.

    >>> macro_f1_interval(np.array([[0, 0, 0, 1, 1, 0]]), np.array([0, 0, 0, 1, 1, 1])).value.__round__(3)
    0.829
    """
    check_predictions(predictions, labels)
    shares, sizes = class_f1(predictions, labels)
    return share_interval(macro_f1_influences(predictions, labels), shares, sizes, confidence)


def log_loss_interval(
    probabilities: npt.NDArray[np.floating], labels: Labels, confidence: float = CONFIDENCE
) -> Interval:
    """Return the mean log loss over seeds, in nats, with its interval.

    >>> interval = log_loss_interval(np.array([[[0.5, 0.5], [0.9, 0.1], [0.4, 0.6]]]), np.array([0, 0, 1]))
    >>> [round(limit, 2) for limit in (interval.low, interval.value, interval.high)]
    [0.08, 0.44, 2.42]
    """
    check_probabilities(probabilities, labels)
    return loss_interval(log_loss_influences(probabilities, labels), confidence)
