"""Coverage of the 95% intervals, and false alarms, of a cross-validation.

    uv run python benchmarks/folds.py [--studies 1000]

Two classifiers of equal expected accuracy are trained and tested: ridge regression on two views of the same images,
each with P features, whose noise is half its own and half common to both views. Each run leaves out a random tenth of
its training images, as a validation set would, and (with luck) adds noise of a random strength to its scores, as runs
of other seeds differ. The random numbers come from the Mersenne Twister. Printed as a Markdown table, shares in percent
with Monte Carlo standard errors. Two columns are for comparison: Nadeau & Bengio's t test by the folds alone, and the
test that takes the pooled answers as those of one run on independent images. The last one has the mean half-widths of
the intervals of the difference, in percentage points, and those of Nadeau & Bengio.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

from convstudy.statistics import accuracy_difference, top1_interval
from convstudy.statistics.folds import Folds, fold_error
from convstudy.statistics.variation import image_variance

Table = npt.NDArray[np.float64]
Answers = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Cell:
    """One setting."""

    images: int
    folds: int
    repeats: int
    features: int
    distance: float  # of the classes, in standard deviations of a feature over all features
    luck: float = 0.0  # strength of the noise of a run's scores

    @property
    def name(self) -> str:
        return f"{self.images} | {self.folds} | {self.repeats} | {self.features} | {self.luck:g}"

    def study(self, stream: np.random.Generator) -> tuple[Answers, Answers, Folds]:
        """Return the right answers of both classifiers, repeats x images, and the folds."""
        labels = np.arange(self.images) % 2
        shift = self.distance / self.features**0.5 * (labels[:, None] - 0.5)
        common = stream.standard_normal((self.images, self.features))
        views = [(common + stream.standard_normal((self.images, self.features))) * 0.5**0.5 + shift for _ in range(2)]
        right = np.zeros((2, self.repeats, self.images), bool)
        of = np.stack([stratified(labels, self.folds, stream) for _ in range(self.repeats)])
        for repeat in range(self.repeats):
            for fold in range(self.folds):
                tested = of[repeat] == fold
                for each, view in enumerate(views):
                    trained = ~tested & (stream.random(self.images) < 0.9)
                    scores = ridge(view[trained], labels[trained], view[tested])
                    noise = abs(stream.standard_normal()) * self.luck * stream.standard_normal(tested.sum())
                    right[each, repeat, tested] = (scores + noise > 0) == (labels[tested] == 1)
        return right[0], right[1], Folds(of)


def stratified(labels: npt.NDArray[np.int64], folds: int, stream: np.random.Generator) -> npt.NDArray[np.int64]:
    of, dealt = np.empty(len(labels), np.int64), 0
    for label in (0, 1):
        places = stream.permutation(np.flatnonzero(labels == label))
        of[places] = (np.arange(len(places)) + dealt) % folds
        dealt += len(places)
    return of


def ridge(features: Table, labels: npt.NDArray[np.int64], tested: Table) -> Table:
    known, new = (np.column_stack([each, np.ones(len(each))]) for each in (features, tested))
    scores: Table = new @ np.linalg.solve(known.T @ known + np.eye(known.shape[1]), known.T @ (2.0 * labels - 1))
    return scores


CELLS = (
    Cell(60, 2, 1, 20, 2.0),
    Cell(60, 2, 10, 20, 2.0),
    Cell(60, 3, 1, 20, 2.0),
    Cell(60, 5, 10, 40, 2.0),
    Cell(120, 5, 1, 20, 1.5),
    Cell(120, 5, 1, 20, 1.5, 1.0),
    Cell(120, 5, 3, 20, 1.5, 1.0),
    Cell(120, 5, 10, 20, 1.5, 1.0),
    Cell(120, 5, 3, 20, 3.0, 2.0),
    Cell(120, 5, 10, 100, 2.0),
    Cell(120, 10, 1, 20, 2.0, 0.5),
    Cell(120, 10, 3, 80, 2.0, 0.5),
    Cell(120, 10, 10, 80, 2.0, 0.5),
    Cell(450, 5, 1, 50, 2.0, 0.5),
    Cell(450, 5, 3, 50, 2.0, 0.5),
)


def nadeau_bengio(a: Answers, b: Answers, folds: Folds) -> tuple[float, float]:
    """Return p-value and half-width of their t test: equation 9, by the folds alone."""
    values = a.astype(float) - b
    means = [values[repeat][of == fold].mean() for repeat, of in enumerate(folds.of) for fold in range(folds.count)]
    error = (np.var(means, ddof=1) * (1 / len(means) + 1 / (folds.count - 1))) ** 0.5
    p_value = float(2 * stats.t.sf(abs(values.mean()) / error, len(means) - 1)) if error else 1.0
    return p_value, float(stats.t.isf(0.025, len(means) - 1)) * error


def pooled(a: Answers, b: Answers) -> float:
    scores = a.mean(0) - b.mean(0)
    error = max(image_variance(scores), 1 / len(scores) ** 2) ** 0.5
    return float(2 * stats.t.sf(abs(scores.mean()) / error, len(scores) - 1))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=int, default=1000)
    studies = parser.parse_args().studies
    heads = ("images", "folds", "repeats", "features", "luck", "top-1 covered", "difference covered", "false alarms")
    print(f"| {' | '.join(heads)} | by the folds alone | as independent answers | half-widths |")
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    for number, cell in enumerate(CELLS):
        print(f"| {cell.name} | {' | '.join(measured(cell, number, studies))} |", flush=True)


def measured(cell: Cell, number: int, studies: int) -> list[str]:
    """Return the shares with their errors; the true top-1 is the mean over all studies of the cell."""
    stream = np.random.Generator(np.random.MT19937(3000 + number))
    limits, means, found, widths = [], [], [], []
    for _ in range(studies):
        a, b, folds = cell.study(stream)
        top1, difference = top1_interval(a, folds), accuracy_difference(a, b, sample=folds)
        limits.append((top1.low, top1.high))
        means.append((a.mean() + b.mean()) / 2)
        by_folds, width = nadeau_bengio(a, b, folds)
        widths.append((fold_error(a.astype(float) - b, folds).margin(0.025), width))
        alarms = [p < 0.05 for p in (difference.p_value, by_folds, pooled(a, b))]
        found.append((difference.low <= 0 <= difference.high, *alarms))
    covered = np.mean([low <= np.mean(means) <= high for low, high in limits])
    shares = [covered, *np.mean(found, axis=0)]
    own, by_folds = 100 * np.mean(widths, axis=0)
    texts = [f"{100 * share:.1f} ± {100 * (share * (1 - share) / studies) ** 0.5:.1f}" for share in shares]
    return [*texts, f"{own:.1f}, {by_folds:.1f}"]


if __name__ == "__main__":
    main()
