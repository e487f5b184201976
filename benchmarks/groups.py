"""Coverage of the 95% intervals, and false alarms, if the test images come in groups.

    uv run python benchmarks/groups.py [--studies 2000]

Two networks of equal accuracy answer the images of G groups, of which 10 images each or a skewed number (log-normal,
with a mean of 10 and a standard deviation of the logarithm of 1). The difficulty of an image has a Beta distribution.
In the column "shared", so many images of a group have the difficulty of their group instead of their own, and half of
the groups and images are as difficult for both networks. A seed has its luck on the logit scale. The random numbers
come from the Mersenne Twister. Printed as a Markdown table, shares in percent with Monte Carlo standard errors.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats
from scipy.special import expit, logit

from convstudy.statistics import accuracy_difference, top1_interval

Answers = npt.NDArray[np.bool_]
MEAN_SIZE = 10
LUCK = 0.1  # standard deviation over seeds, in logits; a single run has none, since only images are then covered


@dataclass(frozen=True)
class Cell:
    """One setting."""

    seeds: int
    groups: int
    skewed: bool = False
    top1: float = 0.8
    concentration: float = 0.5  # of the Beta distribution; near 0, an image is right always or never
    shared: float = 0.8

    @property
    def name(self) -> str:
        sizes = "skewed" if self.skewed else "equal"
        return f"{self.seeds} | {self.groups} | {sizes} | {100 * self.top1:.0f}% | {100 * self.shared:.0f}%"

    def sizes(self, stream: np.random.Generator) -> npt.NDArray[np.int64]:
        if not self.skewed:
            return np.full(self.groups, MEAN_SIZE)
        drawn = stream.lognormal(np.log(MEAN_SIZE) - 0.5, 1.0, self.groups)
        return np.maximum(drawn.round(), 1).astype(np.int64)

    @property
    def luck(self) -> float:
        return LUCK if self.seeds > 1 else 0.0

    @property
    def truth(self) -> float:
        """The expected top-1."""
        middles = (np.arange(4000) + 0.5) / 4000
        difficulty = _logit(stats.beta.ppf(middles, *self._shape))
        lucks = self.luck * stats.norm.ppf((np.arange(100) + 0.5) / 100)
        return float(np.mean([expit(difficulty + each).mean() for each in lucks]))

    @property
    def _shape(self) -> tuple[float, float]:
        return self.top1 * self.concentration, (1 - self.top1) * self.concentration

    def draw(self, stream: np.random.Generator) -> tuple[list[Answers], npt.NDArray[np.int64]]:
        """Return which answers of each network are right, seeds x images, and the group of each image."""
        of = np.repeat(np.arange(self.groups), self.sizes(stream))
        images, as_group = len(of), stream.random(len(of)) < self.shared

        def difficulty(count: int) -> npt.NDArray[np.float64]:
            return _logit(stream.beta(*self._shape, count))

        both = difficulty(self.groups), difficulty(images)
        alike = stream.random(self.groups) < 0.5, stream.random(images) < 0.5
        tables = []
        for _ in range(2):
            own = difficulty(self.groups), difficulty(images)
            of_group = np.where(alike[0], both[0], own[0])
            of_image = np.where(alike[1], both[1], own[1])
            lucks = self.luck * stream.standard_normal((self.seeds, 1))
            right = expit(np.where(as_group, of_group[of], of_image) + lucks)
            tables.append(stream.random((self.seeds, images)) < right)
        return tables, of


def _logit(share: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    found: npt.NDArray[np.float64] = logit(np.clip(share, 1e-6, 1 - 1e-6))
    return found


def cells() -> list[Cell]:
    usual = [Cell(seeds, groups, skewed) for seeds in (1, 3, 5) for groups in (10, 45, 200) for skewed in (False, True)]
    alone = [Cell(seeds, groups, shared=0.0) for seeds in (1, 3) for groups in (45, 200)]
    few_errors = [
        Cell(seeds, groups, skewed, top1=0.95, concentration=0.3)
        for seeds in (1, 3)
        for groups, skewed in ((20, False), (45, False), (200, True))
    ]
    return usual + alone + few_errors


def measured(cell: Cell, number: int, studies: int) -> list[float]:
    """Return the shares: top-1 covered, difference covered, false alarms, and false alarms with groups ignored."""
    stream = np.random.Generator(np.random.MT19937(2000 + number))
    truth, found = cell.truth, []
    for _ in range(studies):
        (a, b), of = cell.draw(stream)
        top1, difference = top1_interval(a, of), accuracy_difference(a, b, sample=of)
        found.append(
            (
                top1.low <= truth <= top1.high,
                difference.low <= 0 <= difference.high,
                difference.p_value < 0.05,
                accuracy_difference(a, b).p_value < 0.05,
            )
        )
    return [float(share) for share in np.mean(found, axis=0)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=int, default=2000)
    studies = parser.parse_args().studies
    heads = ("seeds", "groups", "sizes", "top-1", "shared", "top-1 covered", "difference covered", "false alarms")
    print(f"| {' | '.join(heads)} | false alarms, groups ignored |")
    print("|---|---|---|---|---|---|---|---|---|")
    for number, cell in enumerate(cells()):
        shares = measured(cell, number, studies)
        errors = [(share * (1 - share) / studies) ** 0.5 for share in shares]
        row = " | ".join(f"{100 * share:.1f} ± {100 * error:.1f}" for share, error in zip(shares, errors, strict=True))
        print(f"| {cell.name} | {row} |", flush=True)


if __name__ == "__main__":
    main()
