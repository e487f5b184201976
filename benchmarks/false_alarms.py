"""False alarms of the tests of more than two networks.

    uv run python benchmarks/false_alarms.py [--repetitions 2000]

Networks of equal ability are simulated as in simulated.py; for non-inferiority, one network is worse than the others by
exactly the margin, 1 percentage point. Levels are 5%, and 2.5% for non-inferiority. The output is a Markdown table:
minimum and maximum over the settings of a line.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Callable
from functools import partial

import numpy as np
import numpy.typing as npt
from scipy import stats

from convstudy.statistics import accuracy_difference, cochran_q, friedman, holm, noninferiority
from convstudy.statistics.ranks import critical_difference
from simulated import ABILITY, ability_for, networks

Alarm = Callable[[np.random.Generator], bool]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=2000)
    repetitions = parser.parse_args().repetitions
    print("| test | settings | level | false alarms |")
    print("|---|---|---|---|")
    for name, settings, level, alarms in lines():
        shares = [share(alarm, number, repetitions) for number, alarm in enumerate(alarms)]
        print(f"| {name} | {settings} | {level} | {100 * min(shares):.1f} to {100 * max(shares):.1f} % |", flush=True)


def share(alarm: Alarm, number: int, repetitions: int) -> float:
    stream = np.random.default_rng(number)
    return sum(alarm(stream) for _ in range(repetitions)) / repetitions


def lines() -> list[tuple[str, str, str, list[Alarm]]]:
    """Return each test with its settings, its level, and one function per setting that returns whether it alarmed."""
    several = list(itertools.product((3, 8), (100, 1000), (0.5, 1.0)))
    margins = list(itertools.product((2, 4), (0.75, 0.95), (450, 2000), (0.5,)))
    ranks = list(itertools.product((3, 5, 10), (2, 3, 5, 10, 30)))
    text = "3, 8 networks; 100, 1000 images; two overlaps"
    found: list[tuple[str, str, str, list[Alarm]]] = []
    found.append(("Cochran's Q, one seed", text, "5 %", [partial(cochran_alarm, *setting) for setting in several]))
    for seeds in (1, 2, 3, 5, 10):
        of_pairs: list[Alarm] = [partial(holm_alarm, seeds, *setting) for setting in several]
        found.append((f"any pair after Holm, seeds: {seeds}", text, "5 %", of_pairs))
    text = "2, 4 networks; top-1 75, 95 %; 450, 2000 images"
    for seeds in (1, 2, 3, 5, 10):
        of_margins: list[Alarm] = [partial(margin_alarm, seeds, *setting) for setting in margins]
        found.append((f"non-inferiority, seeds: {seeds}", text, "2.5 %", of_margins))
    text = "3, 5, 10 networks; 2, 3, 5, 10, 30 data sets"
    found.append(("Friedman", text, "5 %", [partial(friedman_alarm, *setting) for setting in ranks]))
    found.append(("any pair by Nemenyi", text, "5 %", [partial(nemenyi_alarm, *setting) for setting in ranks]))
    return found


def cochran_alarm(count: int, images: int, overlap: float, stream: np.random.Generator) -> bool:
    tables = networks(stream, 1, images, luck=0.0, overlap=overlap, abilities=[ABILITY] * count)
    return cochran_q(np.concatenate(tables)).p_value < 0.05


def holm_alarm(seeds: int, count: int, images: int, overlap: float, stream: np.random.Generator) -> bool:
    luck = 0.0 if seeds == 1 else 0.1
    tables = networks(stream, seeds, images, luck=luck, overlap=overlap, abilities=[ABILITY] * count)
    p_values = [accuracy_difference(a, b).p_value for a, b in itertools.combinations(tables, 2)]
    return min(holm(p_values)) < 0.05


def margin_alarm(seeds: int, count: int, top1: float, images: int, overlap: float, stream: np.random.Generator) -> bool:
    """Return whether the first network, which is worse by 1 percentage point, is shown to be non-inferior."""
    luck = 0.0 if seeds == 1 else 0.1
    abilities = [ABILITIES[round(top1 - 0.01, 2), luck], *[ABILITIES[top1, luck]] * (count - 1)]
    tables = networks(stream, seeds, images, luck=luck, overlap=overlap, abilities=abilities)
    return noninferiority(tables, margin=0.01)[0].shown


def friedman_alarm(count: int, sets: int, stream: np.random.Generator) -> bool:
    return friedman(scores(count, sets, stream)).p_value < 0.05


def nemenyi_alarm(count: int, sets: int, stream: np.random.Generator) -> bool:
    ranks = stats.rankdata(scores(count, sets, stream), axis=1).mean(0)
    return bool(np.ptp(ranks) >= critical_difference(count, sets))


def scores(count: int, sets: int, stream: np.random.Generator) -> npt.NDArray[np.float64]:
    """Return scores, data sets x networks; each data set has its own level and spread."""
    levels, spreads = stream.uniform(0.5, 0.9, (sets, 1)), stream.uniform(0.005, 0.05, (sets, 1))
    drawn: npt.NDArray[np.float64] = levels + spreads * stream.normal(size=(sets, count))
    return drawn


ABILITIES = {(top1, luck): ability_for(top1, luck) for top1 in (0.74, 0.75, 0.94, 0.95) for luck in (0.0, 0.1)}


if __name__ == "__main__":
    main()
