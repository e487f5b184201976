"""Influences: how much each answer changes a metric.

The influences on a metric are seeds x images. Their mean over images is the metric of the seed, and the deviation of an
image from that mean is the change of the metric, times the number of images, if the image occurred once more. They turn
any smooth metric into a mean, whose variance is then estimated as that of top-1.

Source: Hampel 1974; Cook & Weisberg 1982 for the use with variances (the delta method, or infinitesimal jackknife).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from convstudy.statistics.metrics import Labels, Predictions

Influences = npt.NDArray[np.float64]  # seeds x images


def balanced_accuracy_influences(predictions: Predictions, labels: Labels) -> Influences:
    """Return the influences on the mean recall over classes, taking the number of images per class as given.

    With few images per class its variance would be too small by the factor (n - 1) / n, which the influences correct.

    >>> balanced_accuracy_influences(np.array([[0, 0, 0, 1]]), np.array([0, 0, 1, 1])).mean().item()
    0.75
    """
    right = predictions == labels
    _, class_of, sizes = np.unique(labels, return_inverse=True, return_counts=True)
    recall = np.stack([np.bincount(class_of, row) for row in right]) / sizes  # seeds x classes
    weight = len(labels) / (len(sizes) * sizes) * np.sqrt(sizes / np.maximum(sizes - 1, 1))
    influences: Influences = recall.mean(1, keepdims=True) + weight[class_of] * (right - recall[:, class_of])
    return influences


def class_recalls(predictions: Predictions, labels: Labels) -> tuple[Influences, Influences]:
    """Return the recall of each class that has test images, as a mean over seeds, and the number of its images.

    >>> class_recalls(np.array([[0, 0, 0, 1]]), np.array([0, 0, 1, 1]))[0].tolist()
    [1.0, 0.5]
    """
    _, class_of, sizes = np.unique(labels, return_inverse=True, return_counts=True)
    return np.bincount(class_of, (predictions == labels).mean(0)) / sizes, sizes.astype(np.float64)


def class_f1(predictions: Predictions, labels: Labels) -> tuple[Influences, Influences]:
    """Return F1 of each class that has test images, and TP + (FP + FN) / 2: counts are means over seeds.

    >>> [values.tolist() for values in class_f1(np.array([[0, 0, 0, 1]]), np.array([0, 0, 1, 1]))]
    [[0.8, 0.6666666666666666], [2.5, 1.5]]
    """
    classes, class_of, sizes = np.unique(labels, return_inverse=True, return_counts=True)
    answer = np.minimum(np.searchsorted(classes, predictions), len(classes) - 1)
    known = classes[answer] == predictions
    predicted = np.bincount(answer.ravel(), known.ravel(), len(classes)) / len(predictions)
    right = np.bincount(class_of, (predictions == labels).mean(0))
    halves = (sizes + predicted) / 2
    return right / halves, halves


def balanced_accuracy_freedom(predictions: Predictions, labels: Labels) -> float:
    """Return the degrees of freedom of balanced accuracy's variance from images: fewer if small classes dominate it.

    Source: Satterthwaite 1946, applied to the variances of the classes' recalls.

    >>> balanced_accuracy_freedom(np.array([[0, 1, 0, 1, 1, 0]]), np.array([0, 0, 0, 1, 1, 1])).__round__(6)
    4.0
    """
    right = (predictions == labels).mean(0)
    _, class_of, sizes = np.unique(labels, return_inverse=True, return_counts=True)
    share = np.bincount(class_of, right) / sizes
    squares = np.bincount(class_of, (right - share[class_of]) ** 2)
    others = np.maximum(sizes - 1, 1)
    variances = squares / others / sizes
    whole = float(variances.sum())
    return whole**2 / float((variances**2 / others).sum()) if whole > 0 else float(max(len(labels) - 1, 1))


def macro_f1_influences(predictions: Predictions, labels: Labels) -> Influences:
    """Return the influences on the mean F1 over the classes that have test images.

    F1 of a class is 2 TP / (2 TP + FP + FN). An image adds either to TP of its own class, or to FN of its own class and
    to FP of another.

    >>> macro_f1_influences(np.array([[0, 2, 1, 0, 0, 1]]), np.array([0, 1, 2, 0, 1, 2])).mean().round(3).item()
    0.267
    """
    return np.stack([_macro_f1_influences(row, labels) for row in predictions])


def _macro_f1_influences(predictions: Labels, labels: Labels) -> Influences:
    """Return the influences of one seed.

    D = 2 TP + FP + FN is the number of images of a class plus the number predicted to be of it.
    """
    classes, class_of, sizes = np.unique(labels, return_inverse=True, return_counts=True)
    answer = np.minimum(np.searchsorted(classes, predictions), len(classes) - 1)
    known = classes[answer] == predictions  # a prediction may be a class without test images
    right = predictions == labels
    d = sizes + np.bincount(answer, known, len(classes))
    f1 = 2 * np.bincount(class_of, right) / d
    moved = 2 * right / d[class_of] - (f1 / d)[class_of] - known * (f1 / d)[answer]
    influences: Influences = f1.mean() + len(labels) / len(classes) * moved
    return influences


def log_loss_influences(probabilities: npt.NDArray[np.floating], labels: Labels) -> Influences:
    """Return minus the logarithm of each label's probability.

    Probabilities below the machine epsilon of double precision are replaced by it.

    >>> log_loss_influences(np.array([[[0.5, 0.5]]]), np.array([0])).round(4).tolist()
    [[0.6931]]
    """
    tables = probabilities.astype(np.float64)
    picked = np.take_along_axis(tables, labels[None, :, None], axis=2)[:, :, 0] / tables.sum(2)
    influences: Influences = -np.log(np.clip(picked, np.finfo(np.float64).eps, None))
    return influences
