"""Selection of the test images that a report shows: most often misclassified, and most disagreed on."""

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
    """Predictions of all runs for the test images, by network."""

    def __init__(self, test: ImageSet, runs: Sequence[RunResult]) -> None:
        """Collect the predictions of runs on their test set."""
        self.test, self.classes = test, runs[0].classes
        names = list(dict.fromkeys(run.model for run in runs))
        self.predictions = {name: np.stack([run.predictions for run in runs if run.model == name]) for name in names}
        self.runs = len(runs)

    def most_mistaken(self) -> tuple[ShownImage, ...]:
        """Return the images that most runs misclassified, the worst first."""
        wrong = (np.concatenate(list(self.predictions.values())) != self.test.labels).sum(0)
        worst = np.argsort(-wrong, kind="stable")[:MOST]
        return tuple(self._shown(int(index)) for index in worst if wrong[index])

    def differing(self) -> npt.NDArray[np.bool_]:
        """Return for each image whether the usual predictions of two networks differ."""
        usual = np.stack([answer_counts(found, self.classes).argmax(1) for found in self.predictions.values()])
        return np.asarray((usual != usual[0]).any(0))

    def most_disagreed(self) -> tuple[ShownImage, ...]:
        """Return the images with different usual predictions, first those on which each network's seeds agree most."""
        measure = np.where(self.differing(), disagreement(list(self.predictions.values()), self.classes), -1)
        highest = np.argsort(-measure.round(9), kind="stable")[:MOST]
        return tuple(self._shown(int(index)) for index in highest if measure[index] >= 0)

    def _shown(self, index: int) -> ShownImage:
        by_network = {name: np.bincount(found[:, index]) for name, found in self.predictions.items()}
        label, totals = int(self.test.labels[index]), np.zeros(self.classes, np.int64)
        for counts in by_network.values():
            totals[: len(counts)] += counts
        right = int(totals[label])
        totals[label] = 0
        return ShownImage(
            id=self.test.ids[index],
            image=np.ascontiguousarray(self.test.images[index].transpose(1, 2, 0)),
            label=label,
            wrong=self.runs - right,
            runs=self.runs,
            usual_answer=int(totals.argmax()),
            answers=tuple(
                NetworkAnswer(name, int(counts.argmax()), int(counts.max()), int(counts.sum()))
                for name, counts in by_network.items()
            ),
        )
