"""Classification metrics: one value per seed.

Throughout, `predictions` are classes, seeds x images; `probabilities` are seeds x images x classes; `labels` are the
true classes of the images. Classes are numbered from 0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import lazy_loader
import numpy as np
import numpy.typing as npt
import scipy

if TYPE_CHECKING:
    import sklearn.metrics
else:
    sklearn = lazy_loader.load("sklearn")  # takes a second

Predictions = npt.NDArray[np.int64]  # seeds x images
Labels = npt.NDArray[np.int64]  # images
Values = npt.NDArray[np.float64]  # seeds

TOP5_CLASSES = 10  # with fewer classes, top-5 is uninformative
ROUNDING = 0.01  # tolerated deviation of the sum of one image's probabilities from 1, because of rounding


def probabilities_of(logits: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Apply softmax over the last axis, in double precision.

    >>> probabilities_of(np.array([[[0.0, 0.0], [200.0, 0.0]]])).round(3).tolist()
    [[[0.5, 0.5], [1.0, 0.0]]]
    """
    values: npt.NDArray[np.float64] = scipy.special.softmax(logits.astype(np.float64), axis=-1)
    return values


def top1(predictions: Predictions, labels: Labels) -> Values:
    """Return per seed the share of images whose prediction equals their label.

    >>> top1(np.array([[0, 1, 2, 2]]), np.array([0, 1, 1, 2])).tolist()
    [0.75]
    """
    check_predictions(predictions, labels)
    return _a_seed([sklearn.metrics.accuracy_score(labels, row) for row in predictions])


def top5(probabilities: npt.NDArray[np.floating], labels: Labels, k: int = 5) -> Values:
    """Return per seed the share of images whose label is among the five (or `k`) most probable classes."""
    check_probabilities(probabilities, labels)
    classes = np.arange(probabilities.shape[2])
    return _a_seed(
        [sklearn.metrics.top_k_accuracy_score(labels, table, k=k, labels=classes) for table in probabilities]
    )


def balanced_accuracy(predictions: Predictions, labels: Labels) -> Values:
    """Return per seed the mean over classes of the share of a class's images that are right.

    This is top-1 as if all classes were equally frequent. Classes without a test image are ignored.

    >>> balanced_accuracy(np.array([[0, 0, 0, 0]]), np.array([0, 0, 0, 1])).tolist()
    [0.5]
    """
    check_predictions(predictions, labels)
    present = np.unique(labels)
    return _a_seed(
        [
            sklearn.metrics.recall_score(labels, row, labels=present, average="macro", zero_division=0)
            for row in predictions
        ]
    )


def macro_f1(predictions: Predictions, labels: Labels) -> Values:
    """Return per seed the mean F1 over classes, where F1 is the harmonic mean of precision and recall.

    Classes without a test image are ignored; predicting one of them counts against the image's own class.

    >>> macro_f1(np.array([[0, 2, 1, 0, 0, 1]]), np.array([0, 1, 2, 0, 1, 2])).round(3).tolist()
    [0.267]
    """
    check_predictions(predictions, labels)
    present = np.unique(labels)
    return _a_seed(
        [sklearn.metrics.f1_score(labels, row, labels=present, average="macro", zero_division=0) for row in predictions]
    )


def log_loss(probabilities: npt.NDArray[np.floating], labels: Labels) -> Values:
    """Return per seed the mean over images of -ln of the label's probability: the cross-entropy in nats.

    >>> log_loss(np.array([[[0.5, 0.5], [0.9, 0.1]]]), np.array([0, 0])).round(4).tolist()
    [0.3993]
    """
    check_probabilities(probabilities, labels)
    tables = probabilities.astype(np.float64)
    tables /= tables.sum(2, keepdims=True)
    classes = np.arange(tables.shape[2])
    return _a_seed([sklearn.metrics.log_loss(labels, table, labels=classes) for table in tables])


def check_predictions(predictions: Predictions, labels: Labels) -> None:
    """Raise ValueError unless predictions are seeds x images with one image per label."""
    if predictions.ndim != 2 or labels.ndim != 1 or predictions.shape[1] != len(labels) or predictions.size == 0:
        raise ValueError(
            f"predictions must be seeds x images, one or more each, for labels of shape {labels.shape}; "
            f"got {predictions.shape}"
        )


def check_probabilities(probabilities: npt.NDArray[np.floating], labels: Labels) -> None:
    """Raise ValueError unless probabilities are seeds x images x classes and agree with the labels.

    They must lie in 0..1 and sum to 1; because they may be rounded, the sum may deviate by 0.01.
    """
    shape = probabilities.shape
    if probabilities.ndim != 3 or labels.ndim != 1 or shape[1] != len(labels) or probabilities.size == 0:
        raise ValueError(
            f"probabilities must be seeds x images x classes, one or more each, for labels of shape {labels.shape}; "
            f"got {shape}"
        )
    if not (labels.min() >= 0 and labels.max() < shape[2]):
        raise ValueError(f"labels must lie in 0..{shape[2] - 1}; got {labels.min()} to {labels.max()}")
    in_range = probabilities.min() >= 0 and probabilities.max() <= 1 + ROUNDING  # False for NaN, too
    if not (in_range and np.allclose(probabilities.sum(2), 1, rtol=0, atol=ROUNDING)):
        raise ValueError("probabilities must lie in 0..1 and sum to 1 over the classes; apply softmax to logits first")


def _a_seed(values: list[float]) -> Values:
    return np.array(values, dtype=np.float64)
