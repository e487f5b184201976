"""Disagreement: the images to which networks give different answers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from convstudy.statistics.metrics import Predictions


def disagreement(networks: Sequence[Predictions], classes: int) -> npt.NDArray[np.float64]:
    """Return per image how much the networks' answers differ, from each network's predictions, seeds x images.

    The value is 0 if all networks give the same classes equally often, even if each network varies between seeds. It is
    1/2 if two networks consistently give different classes, and approaches 1 with more networks that all differ.

    Source: Light & Margolin 1971, An Analysis of Variance for Categorical Data. The variance of an answer is the
    probability that two answers differ, halved there and not here; this is its part between the networks.

    >>> sure, unsure = np.array([[0, 0], [0, 0]]), np.array([[1, 0], [1, 1]])
    >>> disagreement([sure, unsure], classes=2).tolist()
    [0.5, 0.125]
    """
    shares = (answer_counts(predictions, classes) / len(predictions) for predictions in networks)
    total, squares = np.zeros(()), np.zeros(())
    for share in shares:  # one at a time: each table is images x classes
        total, squares = total + share, squares + (share**2).sum(1)
    between: npt.NDArray[np.float64] = squares / len(networks) - ((total / len(networks)) ** 2).sum(1)
    return between.clip(0)


def answer_counts(predictions: Predictions, classes: int) -> npt.NDArray[np.int64]:
    """Count the seeds that give each class: images x classes.

    >>> answer_counts(np.array([[0, 2], [0, 1]]), classes=3).tolist()
    [[2, 0, 0], [0, 1, 1]]
    """
    images = predictions.shape[1]
    cells = predictions + classes * np.arange(images)
    return np.bincount(cells.ravel(), minlength=images * classes).reshape(images, classes)
