"""Coverage of the 95% intervals, and false alarms of the test of a difference.

    uv run python benchmarks/coverage.py [--all] [--repetitions 2000]

Two networks of equal ability are simulated as in simulated.py. The output is a Markdown table: for each number of seeds
and test images, the minimum and maximum over three spreads between seeds and two overlaps of the networks' errors; with
`--all`, one line per setting.
"""

from __future__ import annotations

import argparse
import itertools

import numpy as np

from convstudy.statistics import accuracy_difference, accuracy_interval
from simulated import ABILITY, expected_top1, networks, spread_of_seeds

SEEDS, IMAGES = (1, 2, 3, 5, 10), (100, 450, 2000)
LUCK, OVERLAP = (0.0, 0.1, 0.3), (0.5, 1.0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=2000)
    parser.add_argument("--all", action="store_true")
    arguments = parser.parse_args()
    print("spreads between seeds:", ", ".join(f"{100 * spread_of_seeds(luck):.1f}" for luck in LUCK), "pp")
    print("| seeds | test images | top-1 covered | difference covered | false alarms |")
    print("|---|---|---|---|---|")
    for seeds, images in itertools.product(SEEDS, IMAGES):
        settings = list(itertools.product(LUCK[:1] if seeds == 1 else LUCK, OVERLAP))
        shares = [measured(seeds, images, luck, overlap, arguments.repetitions) for luck, overlap in settings]
        if arguments.all:
            for (luck, overlap), row in zip(settings, shares, strict=True):
                name = f"{seeds} (spread {100 * spread_of_seeds(luck):.1f}, overlap {overlap})"
                print(
                    f"| {name} | {images} | " + " | ".join(f"{100 * share:.1f} %" for share in row) + " |", flush=True
                )
        else:
            ranges = [f"{100 * min(column):.1f} to {100 * max(column):.1f} %" for column in zip(*shares, strict=True)]
            print(f"| {seeds} | {images} | " + " | ".join(ranges) + " |", flush=True)


def measured(seeds: int, images: int, luck: float, overlap: float, repetitions: int) -> tuple[float, float, float]:
    """Return the coverage of top-1, the coverage of the difference, and the share of false alarms."""
    stream = np.random.default_rng([seeds, images, round(100 * luck), round(100 * overlap)])
    expected = expected_top1(luck, ABILITY)
    covered = both = alarms = 0
    for _ in range(repetitions):
        a, b = networks(stream, seeds, images, luck=luck, overlap=overlap)
        interval, difference = accuracy_interval(a), accuracy_difference(a, b)
        covered += interval.low <= expected <= interval.high
        both += difference.low <= 0 <= difference.high
        alarms += difference.p_value < 0.05
    return covered / repetitions, both / repetitions, alarms / repetitions


if __name__ == "__main__":
    main()
