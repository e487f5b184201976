"""Result of one run, as a comparison uses it: the learning curve and the predictions on the test set."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from convstudy.training import Epoch

LOGIT = np.dtype(np.float32)
WriteBlock = Callable[[int, int, npt.NDArray[Any]], None]
VALUES_AT_ONCE = 4_000_000  # of logits that are worked on together
MANY = 20_000_000  # logits of an imported run, from which on they stay in its file until they are needed
MANY_CLASSES = 5000  # from which on the same holds, because a table of so many columns is slow


@dataclass(frozen=True)
class StoredLogits:
    """Logits in a file of NumPy's format, N x classes, read batch by batch."""

    path: Path
    shape: tuple[int, int]

    def batches(self) -> Iterator[npt.NDArray[np.float32]]:
        """Yield the logits of successive images."""
        images, classes = self.shape
        at_once = max(1, VALUES_AT_ONCE // classes)
        with self.path.open("rb") as file:  # read, not mapped, so that no page stays in memory
            np.lib.format.read_magic(file)
            np.lib.format.read_array_header_1_0(file)
            for start in range(0, images, at_once):
                rows = min(at_once, images - start)
                yield np.fromfile(file, np.float32, rows * classes).reshape(rows, classes)

    @contextmanager
    def writing(self) -> Iterator[WriteBlock]:
        """Yield a function that writes a block of logits to its place in the file, given its first row and column."""
        _, classes = self.shape
        with self.path.open("wb") as file:
            header = {"descr": np.lib.format.dtype_to_descr(LOGIT), "fortran_order": False, "shape": self.shape}
            np.lib.format.write_array_header_1_0(file, header)
            begin = file.tell()

            def write(row: int, column: int, values: npt.NDArray[Any]) -> None:
                block = np.ascontiguousarray(values, LOGIT)
                whole_rows = block.reshape(1, -1) if block.shape[1] == classes else block
                for number, part in enumerate(whole_rows):
                    file.seek(begin + ((row + number) * classes + column) * LOGIT.itemsize)
                    file.write(part.data)

            yield write


@dataclass(frozen=True)
class OnlyClasses:
    """Predicted classes in place of logits: N x classes with a 1 for the predicted class, of which nothing is kept."""

    predictions: npt.NDArray[np.int64]  # N
    shape: tuple[int, int]


Logits = npt.NDArray[np.float32] | StoredLogits | OnlyClasses


@dataclass(frozen=True)
class ImageScores:
    """What the metrics of probabilities need of each image: N values each."""

    confidence: npt.NDArray[np.float64]  # probability of the predicted class
    loss: npt.NDArray[np.float64]  # minus the logarithm of the label's probability, at least double precision's epsilon
    in_top5: npt.NDArray[np.bool_]  # whether the label is among the five most probable classes


@dataclass(frozen=True, kw_only=True)
class RunResult:
    """Learning curve and test predictions of one network trained with one seed."""

    model: str
    seed: int
    epochs: tuple[Epoch, ...]
    labels: npt.NDArray[np.int64]  # N
    logits: Logits  # N x classes
    groups: tuple[str, ...] = ()  # the group of each image; empty: images are independent
    scored: bool = True  # False if only predicted classes were imported

    @property
    def classes(self) -> int:
        """Number of classes."""
        return int(self.logits.shape[1])

    @cached_property
    def predictions(self) -> npt.NDArray[np.int64]:
        """The predicted class of each image."""
        if isinstance(self.logits, OnlyClasses):
            return self.logits.predictions
        return highest(self.logits)

    @property
    def right(self) -> npt.NDArray[np.bool_]:
        """Whether each image was classified correctly."""
        return np.asarray(self.predictions == self.labels)

    @cached_property
    def scores(self) -> ImageScores:
        """The values of each image that the metrics of probabilities are computed from.

        >>> logits = np.log(np.array([[0.5, 0.25, 0.25]], np.float32))
        >>> run = RunResult(model="net", seed=0, epochs=(), labels=np.array([1]), logits=logits)
        >>> run.scores.confidence.round(3).item(), run.scores.loss.round(3).item()
        (0.5, 1.386)
        """
        assert not isinstance(self.logits, OnlyClasses)
        found, start = [], 0
        for batch in _batches(self.logits):
            found.append(_scores(batch, self.labels[start : start + len(batch)]))
            start += len(batch)
        return ImageScores(*(np.concatenate(values) for values in zip(*found, strict=True)))


def highest(logits: npt.NDArray[np.float32] | StoredLogits) -> npt.NDArray[np.int64]:
    """Return the class with the highest logit of each image."""
    return np.concatenate([batch.argmax(1) for batch in _batches(logits)])


def _batches(logits: npt.NDArray[np.float32] | StoredLogits) -> Iterator[npt.NDArray[np.float32]]:
    if isinstance(logits, StoredLogits):
        yield from logits.batches()
        return
    at_once = max(1, VALUES_AT_ONCE // max(logits.shape[1], 1))
    yield from (logits[start : start + at_once] for start in range(0, len(logits), at_once))


def _scores(
    logits: npt.NDArray[np.float32], labels: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """Return confidence, loss, and whether the label is in the top five; equal classes count from the last one on."""
    table = logits.astype(np.float64)
    table = np.exp(table - table.max(1, keepdims=True))
    table /= table.sum(1, keepdims=True)
    own = np.take_along_axis(table, labels[:, None], axis=1)
    before = (table > own).sum(1) + ((table == own) & (np.arange(table.shape[1]) > labels[:, None])).sum(1)
    return table.max(1), -np.log(np.clip(own[:, 0], np.finfo(np.float64).eps, None)), before < 5
