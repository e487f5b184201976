"""Coverage of the 95% intervals, and false alarms of the test of a difference.

    uv run python benchmarks/coverage.py [--generator beta | skewed | warned | best] [--all] [--repetitions 2000]

Two networks of equal ability are simulated as in simulated.py. `normal` are the answers that the methods were designed
on: images and seeds are normal on the logit scale. `beta` are other ones: the chances of images have a Beta
distribution with a concentration of 0.1 to 1 (most images are right or wrong in all runs), seeds have a standard
deviation of 0.05 to 1.5 logits and are left-skewed, top-1 is 70 or 95%. The output is a Markdown table: for each number
of seeds (of both networks) and test images, the minimum and maximum over the settings; with `--all`, one line per
setting. `skewed` are networks of equal top-1 of which only the first one's seeds differ, by 1.5 logits; `warned`
counts how often the report says of such seeds that they are far apart, and in how many of the false alarms. `best` is
another table: the coverage of the interval of the best of eight equal networks, and of that of any network.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Callable
from functools import cache, partial

import numpy as np

from convstudy.report.sentences import WIDE_SEEDS, spread_in_logits
from convstudy.statistics import accuracy_difference, accuracy_interval, winner_interval
from simulated import ABILITY, Answers, BetaImages, expected_top1, networks, spread_of_seeds

SEEDS, IMAGES = (1, 2, 3, 5, 10), (100, 450, 2000)
LUCK, OVERLAP = (0.0, 0.1, 0.3), (0.5, 1.0)
BETA_SEEDS = ((1, 1), (2, 2), (3, 3), (5, 5), (10, 10), (2, 5), (2, 10), (3, 10))
BETA_IMAGES, BETA_LUCK = (100, 450, 2000, 10_000), (0.05, 0.5, 1.5)
TOP1, CONCENTRATION = (0.7, 0.95), (0.1, 1.0)

Draw = Callable[[np.random.Generator], list[Answers]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--generator", choices=("normal", "beta", "skewed", "warned", "best"), default="normal")
    parser.add_argument("--repetitions", type=int, default=2000)
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--unequal", action="store_true", help="of `beta`, only unequal numbers of seeds")
    arguments = parser.parse_args()
    if arguments.generator == "best":
        best_of_eight(arguments.repetitions)
        return
    if arguments.generator == "warned":
        warned(arguments.repetitions)
        return
    print("| seeds | test images | spread of seeds | top-1 covered | difference covered | false alarms |")
    print("|---|---|---|---|---|---|")
    lines = {"normal": normal_lines, "beta": beta_lines, "skewed": skewed_lines}[arguments.generator]()
    for number, (head, settings) in enumerate(lines):
        if arguments.unequal and "and" not in head.partition("|")[0]:
            continue
        shares = []
        for place, (name, expected, draw) in enumerate(settings):
            stream = np.random.default_rng([number, place])
            shares.append(measured(stream, expected, draw, arguments.repetitions))
            if arguments.all:
                print(f"| {head} {name} | " + " | ".join(f"{100 * share:.1f}%" for share in shares[-1]) + " |")
        ranges = [f"{100 * min(column):.1f} to {100 * max(column):.1f}%" for column in zip(*shares, strict=True)]
        print(f"| {head} | " + " | ".join(ranges) + " |", flush=True)


def normal_lines() -> list[tuple[str, list[tuple[str, float, Draw]]]]:
    """Return the lines of the table: seeds and images, and for each setting its name, its top-1 and its answers."""
    lines = []
    for seeds, images in itertools.product(SEEDS, IMAGES):
        lucks = LUCK[:1] if seeds == 1 else LUCK
        settings: list[tuple[str, float, Draw]] = [
            (
                f"overlap {overlap}",
                expected_top1(luck, ABILITY),
                partial(networks, seeds=seeds, images=images, luck=luck, overlap=overlap),
            )
            for luck, overlap in itertools.product(lucks, OVERLAP)
        ]
        spreads = f"0 to {100 * spread_of_seeds(max(lucks)):.1f} pp"
        lines.append((f"{seeds} | {images} | {spreads}", settings))
    return lines


@cache
def beta_images(top1: float, concentration: float, luck: float) -> BetaImages:
    return BetaImages(top1, concentration, luck)


def beta_lines() -> list[tuple[str, list[tuple[str, float, Draw]]]]:
    """Return the same for the other generator; a single run has no luck, because its interval is about that run."""
    lines = []
    for seeds, images in itertools.product(BETA_SEEDS, BETA_IMAGES):
        for luck in (0.0,) if seeds == (1, 1) else BETA_LUCK:
            settings: list[tuple[str, float, Draw]] = []
            for top1, concentration in itertools.product(TOP1, CONCENTRATION):
                found = beta_images(top1, concentration, luck)
                draw = partial(found.networks, seeds=seeds, images=images, overlap=0.5)
                settings.append((f"top-1 {top1}, concentration {concentration}", found.expected_top1, draw))
            text = str(seeds[0]) if seeds[0] == seeds[1] else f"{seeds[0]} and {seeds[1]}"
            lines.append((f"{text} | {images:,} | {luck:g}", settings))
    return lines


def skewed_lines() -> list[tuple[str, list[tuple[str, float, Draw]]]]:
    """Return the same for two networks of equal top-1, of which the first one's seeds are far apart."""
    lines = []
    for seeds, images in itertools.product((2, 3, 5, 10), (450, 10_000)):
        settings: list[tuple[str, float, Draw]] = []
        for top1 in TOP1:
            apart = beta_images(top1, 1.0, 1.5)
            alike = beta_images(apart.expected_top1, 1.0, 0.0)
            draw = partial(of_two_kinds, kinds=(apart, alike), seeds=seeds, images=images)
            settings.append((f"top-1 {top1}", apart.expected_top1, draw))
        lines.append((f"{seeds} | {images:,} | 1.5 and 0", settings))
    return lines


def of_two_kinds(
    stream: np.random.Generator, kinds: tuple[BetaImages, BetaImages], seeds: int, images: int
) -> list[Answers]:
    return [kind.networks(stream, [seeds], images, overlap=0.5)[0] for kind in kinds]


def warned(repetitions: int) -> None:
    print("| seeds | top-1 | false alarms | warnings | warnings among the false alarms |")
    print("|---|---|---|---|---|")
    for seeds, top1 in itertools.product((3, 5), TOP1):
        apart = beta_images(top1, 1.0, 1.5)
        alike = beta_images(apart.expected_top1, 1.0, 0.0)
        stream, counts = np.random.default_rng(3), np.zeros(3)
        for _ in range(repetitions):
            a, b = of_two_kinds(stream, (apart, alike), seeds, 450)
            alarm = accuracy_difference(a, b).p_value < 0.05
            wide = spread_in_logits(a.mean(1).tolist()) > WIDE_SEEDS
            counts += [alarm, wide, alarm and wide]
        alarms, flags, both = counts
        cells = f"{100 * alarms / repetitions:.1f}% | {100 * flags / repetitions:.0f}% | {both:.0f} of {alarms:.0f}"
        print(f"| {seeds} | {apart.expected_top1:.2f} | {cells} |", flush=True)


def best_of_eight(repetitions: int) -> None:
    print("| seeds | test images | best of 8: its own interval | best of 8: adjusted | any network |")
    print("|---|---|---|---|---|")
    for seeds, images in itertools.product((1, 3, 5), (450, 2000)):
        rows = []
        for top1 in TOP1:
            found = beta_images(top1, 0.5, 0.0 if seeds == 1 else 0.2)
            stream, covered = np.random.default_rng([seeds, images]), np.zeros(3)
            for _ in range(repetitions):
                tables = found.networks(stream, [seeds] * 8, images, overlap=0.5)
                best = max(tables, key=lambda answers: float(answers.mean()))
                for place, interval in enumerate(
                    (accuracy_interval(best), winner_interval(best, 8), accuracy_interval(tables[0]))
                ):
                    covered[place] += interval.low <= found.expected_top1 <= interval.high
            rows.append(covered / repetitions)
        limits = zip(np.min(rows, axis=0), np.max(rows, axis=0), strict=True)
        cells = " | ".join(f"{100 * low:.1f} to {100 * high:.1f}%" for low, high in limits)
        print(f"| {seeds} | {images:,} | {cells} |", flush=True)


def measured(stream: np.random.Generator, expected: float, draw: Draw, repetitions: int) -> tuple[float, float, float]:
    """Return the coverage of top-1, the coverage of the difference, and the share of false alarms."""
    covered = both = alarms = 0
    for _ in range(repetitions):
        a, b = draw(stream)
        interval, difference = accuracy_interval(a), accuracy_difference(a, b)
        covered += interval.low <= expected <= interval.high
        both += difference.low <= 0 <= difference.high
        alarms += difference.p_value < 0.05
    return covered / repetitions, both / repetitions, alarms / repetitions


if __name__ == "__main__":
    main()
