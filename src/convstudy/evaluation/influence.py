"""How much each answer moves a metric.

A metric's influences are seeds x images. A seed's mean over images is the seed's metric, and an image's deviation from
it is how much the metric would move, times the number of images, if the image were met once more. They turn any smooth
metric into a mean, whose variance is then estimated as that of top-1.

Source: Hampel 1974; Cook & Weisberg 1982 for the use with variances (the delta method, or infinitesimal jackknife).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from convstudy.evaluation.metrics import Labels, Predictions

Influences = npt.NDArray[np.float64]  # seeds x images


def balanced_accuracy_influences(predictions: Predictions, labels: Labels) -> Influences:
    """Influences on the mean recall over classes, the numbers of images of the classes taken as given.

    With few images a class, its variance would come out too small by (n - 1) / n, for which the influences make up.

    >>> balanced_accuracy_influences(np.array([[0, 0, 0, 1]]), np.array([0, 0, 1, 1])).mean().item()
    0.75
    """
    right = (predictions == labels).astype(np.float64)
    classes, class_of, sizes = np.unique(labels, return_inverse=True, return_counts=True)
    members = np.eye(len(classes))[class_of]  # images x classes
    recall = right @ members / sizes  # seeds x classes
    weight = len(labels) / (len(classes) * sizes) * np.sqrt(sizes / np.maximum(sizes - 1, 1))
    influences: Influences = recall.mean(1, keepdims=True) + weight[class_of] * (right - recall[:, class_of])
    return influences


def macro_f1_influences(predictions: Predictions, labels: Labels) -> Influences:
    """Influences on the mean F1 over the classes that have test images.

    F1 of a class is 2 TP / (2 TP + FP + FN); an image adds to TP of its class, or to FN of its class and FP of another.

    >>> macro_f1_influences(np.array([[0, 2, 1, 0, 0, 1]]), np.array([0, 1, 2, 0, 1, 2])).mean().round(3).item()
    0.267
    """
    classes = np.unique(labels)
    actual = labels[:, None] == classes  # images x classes
    predicted = predictions[:, :, None] == classes  # seeds x images x classes
    hits = predicted & actual
    true_positives = hits.sum(1, keepdims=True)
    answers = (predicted.astype(np.int64) + actual).sum(1, keepdims=True)  # 2 TP + FP + FN
    f1 = 2 * true_positives / answers
    moved = (2 * hits - f1 * (predicted.astype(np.int64) + actual)) / answers  # of each class, by each image
    influences: Influences = f1.mean(2) + len(labels) * moved.mean(2)
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
