"""Confusion matrices, summed over the runs of a network."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from convstudy.study.runs.result import RunResult


@dataclass(frozen=True)
class Mistake:
    """One off-diagonal cell: images of class `label` were classified as `answer` `count` times over all seeds."""

    label: int
    answer: int
    count: int
    share: float  # fraction of all answers for images of class `label`


def confusion(runs: Iterable[RunResult], classes: int) -> npt.NDArray[np.int64]:
    """Count the answers of runs: classes x classes, rows are labels, columns are answers.

    >>> logits = np.array([[9, 1], [0, 1], [2, 3]], dtype=np.float32)
    >>> run = RunResult(model="net", seed=0, epochs=(), labels=np.array([0, 0, 1]), logits=logits)
    >>> confusion([run, run], classes=2).tolist()
    [[2, 2], [0, 2]]
    """
    cells = np.zeros(classes * classes, dtype=np.int64)
    for run in runs:
        cells += np.bincount(classes * run.labels + run.logits.argmax(1), minlength=classes * classes)
    return cells.reshape(classes, classes)


def row_shares(counts: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Divide each row by its sum; the row of a class without images stays zero.

    >>> row_shares(np.array([[3, 1], [0, 0]])).tolist()
    [[0.75, 0.25], [0.0, 0.0]]
    """
    return np.asarray(counts / np.maximum(counts.sum(1, keepdims=True), 1), dtype=np.float64)


def frequent_mistakes(counts: npt.NDArray[np.int64], most: int = 10) -> tuple[Mistake, ...]:
    """Return the largest off-diagonal cells, largest first.

    >>> frequent_mistakes(np.array([[8, 2], [5, 5]]))[0]
    Mistake(label=1, answer=0, count=5, share=0.5)
    """
    wrong = counts.copy()
    np.fill_diagonal(wrong, 0)
    shares = row_shares(counts)
    largest = np.argsort(-wrong, axis=None, kind="stable")[:most]
    places = [(int(label), int(answer)) for label, answer in zip(*np.unravel_index(largest, wrong.shape), strict=True)]
    return tuple(Mistake(*place, int(wrong[place]), float(shares[place])) for place in places if wrong[place])
