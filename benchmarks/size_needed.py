"""Whether the 95% limits of the seeds that a difference needs cover the number that is needed in truth.

    uv run python benchmarks/size_needed.py [--repetitions 400]

Two networks; the luck of their seeds has the standard deviations given, in logits. The truth is the number of seeds by
the variances of 1,000 seeds on twice the images.
"""

from __future__ import annotations

import argparse

import numpy as np
from scipy.special import expit

from convstudy.statistics.power import MOST_SEEDS, PairVariance, seeds_needed, size_needed
from simulated import ABILITY, DIFFICULTY, Answers

DIFFERENCE = 0.03


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--repetitions", type=int, default=400)
    asked = parser.parse_args()
    print("| luck of the two networks | test images | seeds | needed | estimated, 10th to 90th percentile | covered |")
    print("|---|---|---|---|---|---|")
    for lucks in ((0.2, 0.2), (0.2, 0.05), (0.5, 0.1)):
        for images in (1000, 3000):
            stream = np.random.default_rng(1)
            one, other = networks(stream, 1000, 2 * images, lucks)
            variance = PairVariance.of(one, other)
            truth = seeds_needed(variance, DIFFERENCE, images) or MOST_SEEDS + 1
            for seeds in (3, 5):
                pairs = (networks(stream, seeds, images, lucks) for _ in range(asked.repetitions))
                found = [size_needed(a, b, DIFFERENCE) for a, b in pairs]
                parts = [(each.fewest, each.seeds, each.most) for each in found if each]
                low, about, high = np.array([[value or MOST_SEEDS + 1 for value in part] for part in parts]).T
                covered = 100 * np.mean((low <= truth) & (truth <= high))
                lower, upper = np.percentile(about, [10, 90])
                numbers = f"{images} | {seeds} | {truth} | {lower:.0f} to {upper:.0f} | {covered:.1f}%"
                print(f"| {lucks[0]}, {lucks[1]} | {numbers} |", flush=True)


def networks(stream: np.random.Generator, seeds: int, images: int, lucks: tuple[float, float]) -> list[Answers]:
    common = DIFFICULTY * stream.normal(size=images)
    return [
        stream.random((seeds, images))
        < expit(ABILITY + luck * stream.normal(size=(seeds, 1)) + common + stream.normal(size=images))
        for luck in lucks
    ]


if __name__ == "__main__":
    main()
