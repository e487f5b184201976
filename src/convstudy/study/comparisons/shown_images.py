"""The test images that a report shows: those most often mistaken, and those on which networks disagree."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from convstudy.data import ImageSet
from convstudy.statistics import answer_counts, disagreement
from convstudy.study.comparisons.results import NetworkAnswer, ShownImage
from convstudy.study.runs.result import RunResult

MOST = 24  # images of each kind


class GivenAnswers:
    """How often each network gives each class for each test image."""

    def __init__(self, test: ImageSet, runs: Sequence[RunResult]) -> None:
        """Count the answers of runs on the test part that they were made on."""
        self.test, self.classes = test, runs[0].logits.shape[1]
        names = list(dict.fromkeys(run.model for run in runs))
        self.predictions = {
            name: np.stack([run.logits.argmax(1) for run in runs if run.model == name]) for name in names
        }
        self.runs = len(runs)

    def most_mistaken(self) -> tuple[ShownImage, ...]:
        """The images that most runs got wrong, the worst first."""
        wrong = (np.concatenate(list(self.predictions.values())) != self.test.labels).sum(0)
        worst = np.argsort(-wrong, kind="stable")[:MOST]
        return tuple(self._shown(int(index)) for index in worst if wrong[index])

    def differing(self) -> npt.NDArray[np.bool_]:
        """Of each image, whether two networks' usual answers differ."""
        usual = np.stack([answer_counts(of_one, self.classes).argmax(1) for of_one in self.predictions.values()])
        return np.asarray((usual != usual[0]).any(0))

    def most_disagreed(self) -> tuple[ShownImage, ...]:
        """The images on which networks' usual answers differ; first those on which each is surest of its own."""
        apart = np.where(self.differing(), disagreement(list(self.predictions.values()), self.classes), -1)
        first = np.argsort(-apart.round(9), kind="stable")[:MOST]
        return tuple(self._shown(int(index)) for index in first if apart[index] >= 0)

    def _shown(self, index: int) -> ShownImage:
        of_each = {name: np.bincount(of_one[:, index]) for name, of_one in self.predictions.items()}
        label, everyone = int(self.test.labels[index]), np.zeros(self.classes, np.int64)
        for counts in of_each.values():
            everyone[: len(counts)] += counts
        right = int(everyone[label])
        everyone[label] = 0
        return ShownImage(
            self.test.ids[index],
            np.ascontiguousarray(self.test.images[index].transpose(1, 2, 0)),
            label,
            self.runs - right,
            self.runs,
            int(everyone.argmax()),
            tuple(
                NetworkAnswer(name, int(counts.argmax()), int(counts.max()), int(counts.sum()))
                for name, counts in of_each.items()
            ),
        )
