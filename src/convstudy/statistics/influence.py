"""How much each answer moves a metric.

A metric's influences are seeds x images. A seed's mean over images is the seed's metric, and an image's deviation from
it is how much the metric would move, times the number of images, if the image were met once more. They turn any smooth
metric into a mean, whose variance is then estimated as that of top-1.

Source: Hampel 1974; Cook & Weisberg 1982 for the use with variances (the delta method, or infinitesimal jackknife).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from convstudy.statistics.metrics import Labels, Predictions

Influences = npt.NDArray[np.float64]  # seeds x images


def balanced_accuracy_influences(predictions: Predictions, labels: Labels) -> Influences:
    """Influences on the mean recall over classes, the numbers of images of the classes taken as given.

    With few images a class, its variance would come out too small by (n - 1) / n, for which the influences make up.

    >>> balanced_accuracy_influences(np.array([[0, 0, 0, 1]]), np.array([0, 0, 1, 1])).mean().item()
    0.75
    """
    right = predictions == labels
    _, class_of, sizes = np.unique(labels, return_inverse=True, return_counts=True)
    recall = np.stack([np.bincount(class_of, row) for row in right]) / sizes  # seeds x classes
    weight = len(labels) / (len(sizes) * sizes) * np.sqrt(sizes / np.maximum(sizes - 1, 1))
    influences: Influences = recall.mean(1, keepdims=True) + weight[class_of] * (right - recall[:, class_of])
    return influences


def balanced_accuracy_freedom(predictions: Predictions, labels: Labels) -> float:
    """Degrees of freedom of balanced accuracy's variance from images: fewer where small classes make up most of it.

    Source: Satterthwaite 1946, over the variances of the classes' shares.

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
    """Influences on the mean F1 over the classes that have test images.

    F1 of a class is 2 TP / (2 TP + FP + FN); an image adds to TP of its class, or to FN of its class and FP of another.

    >>> macro_f1_influences(np.array([[0, 2, 1, 0, 0, 1]]), np.array([0, 1, 2, 0, 1, 2])).mean().round(3).item()
    0.267
    """
    return np.stack([_macro_f1_influences(row, labels) for row in predictions])


def _macro_f1_influences(predictions: Labels, labels: Labels) -> Influences:
    """Of one seed; D = 2 TP + FP + FN is the number of images that are of a class, plus those that are said to be."""
    classes, class_of, sizes = np.unique(labels, return_inverse=True, return_counts=True)
    answer = np.minimum(np.searchsorted(classes, predictions), len(classes) - 1)
    known = classes[answer] == predictions  # an answer may name a class without test images
    right = predictions == labels
    d = sizes + np.bincount(answer, known, len(classes))
    f1 = 2 * np.bincount(class_of, right) / d
    moved = 2 * right / d[class_of] - (f1 / d)[class_of] - known * (f1 / d)[answer]
    influences: Influences = f1.mean() + len(labels) / len(classes) * moved
    return influences


def log_loss_influences(probabilities: npt.NDArray[np.floating], labels: Labels) -> Influences:
    """Minus the logarithm of each label's probability, which is taken as no smaller than double precision tells from 0.

    >>> log_loss_influences(np.array([[[0.5, 0.5]]]), np.array([0])).round(4).tolist()
    [[0.6931]]
    """
    tables = probabilities.astype(np.float64)
    picked = np.take_along_axis(tables, labels[None, :, None], axis=2)[:, :, 0] / tables.sum(2)
    influences: Influences = -np.log(np.clip(picked, np.finfo(np.float64).eps, None))
    return influences
