"""Confusion matrices, summed over the runs of a network."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
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
        cells += np.bincount(classes * run.labels + run.predictions, minlength=classes * classes)
    return cells.reshape(classes, classes)


def row_shares(counts: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Divide each row by its sum; the row of a class without images stays zero.

    >>> row_shares(np.array([[3, 1], [0, 0]])).tolist()
    [[0.75, 0.25], [0.0, 0.0]]
    """
    return np.asarray(counts / np.maximum(counts.sum(1, keepdims=True), 1), dtype=np.float64)


def frequent_mistakes(runs: Sequence[RunResult], most: int = 10) -> tuple[Mistake, ...]:
    """Return the largest off-diagonal cells of the confusion matrix, largest first; no matrix is made for them.

    >>> labels, logits = np.array([0] * 10), np.array([[1, 0]] * 8 + [[0, 1]] * 2, dtype=np.float32)
    >>> frequent_mistakes([RunResult(model="net", seed=0, epochs=(), labels=labels, logits=logits)])[0]
    Mistake(label=0, answer=1, count=2, share=0.2)
    """
    classes, images = runs[0].classes, np.bincount(runs[0].labels)
    wrong = np.concatenate([classes * run.labels[~run.right] + run.predictions[~run.right] for run in runs])
    cells, counts = np.unique(wrong, return_counts=True)
    return tuple(
        Mistake(label, answer, int(counts[place]), float(counts[place] / (len(runs) * images[label])))
        for place in np.argsort(-counts, kind="stable")[:most]
        for label, answer in [divmod(int(cells[place]), classes)]
    )
