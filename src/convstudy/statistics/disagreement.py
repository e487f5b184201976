"""On which images networks answer differently."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from convstudy.statistics.metrics import Predictions


def disagreement(networks: Sequence[Predictions], classes: int) -> npt.NDArray[np.float64]:
    """How far the networks' answers to each image lie apart, from each network's predictions, seeds x images.

    0 where all give the same classes equally often, however unsure each is of itself; 1/2 where two networks are sure
    of different classes, and nearer to 1 with more networks, each sure of another.

    Source: Light & Margolin 1971, An Analysis of Variance for Categorical Data: the variance of an answer is the chance
    that two answers differ, halved there and not here; this is its part between the networks.

    >>> sure, unsure = np.array([[0, 0], [0, 0]]), np.array([[1, 0], [1, 1]])
    >>> disagreement([sure, unsure], classes=2).tolist()
    [0.5, 0.125]
    """
    shares = (answer_counts(predictions, classes) / len(predictions) for predictions in networks)
    total, squares = np.zeros(()), np.zeros(())
    for share in shares:  # one after the other: a table is images x classes
        total, squares = total + share, squares + (share**2).sum(1)
    between: npt.NDArray[np.float64] = squares / len(networks) - ((total / len(networks)) ** 2).sum(1)
    return between.clip(0)


def answer_counts(predictions: Predictions, classes: int) -> npt.NDArray[np.int64]:
    """How many seeds give each class: images x classes.

    >>> answer_counts(np.array([[0, 2], [0, 1]]), classes=3).tolist()
    [[2, 0, 0], [0, 1, 1]]
    """
    images = predictions.shape[1]
    cells = predictions + classes * np.arange(images)
    return np.bincount(cells.ravel(), minlength=images * classes).reshape(images, classes)
