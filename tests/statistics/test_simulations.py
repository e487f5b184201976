"""Small simulations with known truth; benchmarks/coverage.py and its neighbours are the large ones.

A method that covers in 95 %, or alarms in 5 %, of the repetitions passes its limit in all but 1 of 1,000 such tests.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations

import numpy as np
import numpy.typing as npt
import pytest
from scipy import stats
from scipy.special import expit

from convstudy.statistics import (
    Interval,
    accuracy_difference,
    balanced_accuracy_interval,
    chance_of_beating,
    cochran_q,
    friedman,
    holm,
    macro_f1_interval,
    noninferiority,
)
from convstudy.statistics.ranks import critical_difference
from convstudy.statistics.variation import Answers

REPETITIONS = 150


def fewest_covered(repetitions: int) -> float:
    return float(stats.binom.ppf(0.001, repetitions, 0.95))


def most_alarms(repetitions: int, level: float = 0.05) -> float:
    return float(stats.binom.isf(0.001, repetitions, level))


def equal_networks(
    stream: np.random.Generator, count: int, seeds: int, images: int, *, luck: float = 0.1, lead: float = 0.0
) -> list[Answers]:
    """Half of an image's difficulty is common to all networks; the first one is ahead by `lead`."""
    common = 1.4 * stream.normal(size=images)
    return [
        stream.random((seeds, images))
        < expit(
            1.5
            + lead * (network == 0)
            + luck * stream.normal(size=(seeds, 1))
            + common
            + 1.4 * stream.normal(size=images)
        )
        for network in range(count)
    ]


@pytest.mark.parametrize(("seeds", "images"), [(2, 100), (2, 1000)])
def test_pairs_of_many_networks_raise_few_false_alarms_after_holm(seeds: int, images: int) -> None:
    """With a single t for images and seeds together, five networks of two seeds raise alarms in 10 to 20 %."""
    stream = np.random.default_rng([seeds, images])
    alarms = 0
    for _ in range(REPETITIONS):
        tables = equal_networks(stream, 5, seeds, images)
        alarms += min(holm([accuracy_difference(a, b).p_value for a, b in combinations(tables, 2)])) < 0.05
    assert alarms <= most_alarms(REPETITIONS)


def test_cochran_s_q_raises_few_false_alarms() -> None:
    stream = np.random.default_rng(1)
    answers = [np.concatenate(equal_networks(stream, 4, 1, 200, luck=0.0)) for _ in range(REPETITIONS)]
    assert sum(cochran_q(table).p_value < 0.05 for table in answers) <= most_alarms(REPETITIONS)


@pytest.mark.parametrize("seeds", [1, 3])
def test_a_network_that_is_worse_by_the_margin_is_seldom_called_non_inferior(seeds: int) -> None:
    """The other networks' lead of 0.29 is worth 3.8 points of top-1."""
    stream = np.random.default_rng(seeds)
    draws = 1.5 + np.sqrt(4 + 0.01) * np.random.default_rng(0).normal(size=1_000_000)
    margin = float(expit(draws).mean() - expit(draws - 0.29).mean())
    alarms = 0
    for _ in range(REPETITIONS):
        worse, *others = equal_networks(stream, 3, seeds, 500, luck=0.1, lead=-0.29)
        alarms += noninferiority([worse, *others], margin)[0].shown
    assert margin == pytest.approx(0.04, abs=0.005)
    assert alarms <= most_alarms(REPETITIONS, 0.025)


@pytest.mark.parametrize(("networks", "sets"), [(3, 2), (3, 3), (5, 3), (3, 6), (6, 12)])
def test_friedman_and_nemenyi_raise_few_false_alarms(networks: int, sets: int) -> None:
    stream = np.random.default_rng([networks, sets])
    least = critical_difference(networks, sets)
    scores = stream.normal(size=(REPETITIONS, sets, networks))
    ranks = stats.rankdata(scores, axis=2).mean(1)
    assert (np.ptp(ranks, axis=1) >= least).sum() <= most_alarms(REPETITIONS)
    alarms = sum(friedman(table).p_value < 0.05 for table in scores[:40])
    assert alarms <= most_alarms(40)


@pytest.mark.parametrize("seeds", [2, 5])
def test_the_chance_of_a_new_seed_is_covered(seeds: int) -> None:
    """Accuracies of 500 images by normal seeds: the true chance is known."""
    stream = np.random.default_rng(seeds)
    expected = float(stats.norm.cdf(0.02 / np.hypot(0.02, 0.01)))
    covered = 0
    for _ in range(REPETITIONS):
        a = rounded(stream.normal(0.8, 0.02, seeds), 500)
        b = rounded(stream.normal(0.78, 0.01, seeds), 500)
        chance = chance_of_beating(a, b)
        covered += chance is not None and chance.low <= expected <= chance.high
    assert covered >= fewest_covered(REPETITIONS)


def rounded(top1: npt.NDArray[np.float64], images: int) -> Answers:
    answers: Answers = np.arange(images) < np.round(top1 * images)[:, None]
    return answers


Predicted = tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]


@pytest.mark.parametrize("interval_of", [balanced_accuracy_interval, macro_f1_interval])
@pytest.mark.parametrize(("seeds", "images"), [(1, 120), (3, 120), (3, 800)])
def test_intervals_of_metrics_over_uneven_classes_cover(
    interval_of: Callable[[npt.NDArray[np.int64], npt.NDArray[np.int64]], Interval], seeds: int, images: int
) -> None:
    expected = interval_of(*uneven_classes(np.random.default_rng(0), 10, 20_000)).value
    stream = np.random.default_rng([seeds, images])
    intervals = [interval_of(*uneven_classes(stream, seeds, images)) for _ in range(REPETITIONS)]
    assert sum(interval.low <= expected <= interval.high for interval in intervals) >= fewest_covered(REPETITIONS)


def uneven_classes(stream: np.random.Generator, seeds: int, images: int) -> Predicted:
    """Predictions of four classes, of which one has 10 % of the images."""
    labels = stream.choice(4, size=images, p=[0.4, 0.3, 0.2, 0.1])
    logits = stream.normal(size=(images, 4)) + 0.8 * stream.normal(size=(seeds, images, 4))
    logits[:, np.arange(images), labels] += 1.5 + 0.4 * labels
    return logits.argmax(2), labels


def test_unequal_numbers_of_skewed_seeds_keep_the_level() -> None:
    """Two equal networks, 2 and 10 seeds whose top-1 is skewed; with Welch's degrees of freedom, 59 of 400 differ."""
    stream, images, alarms = np.random.default_rng(0), 300, 0
    for _ in range(400):
        tables = []
        for seeds in (2, 10):
            chance = expit(stream.normal(2.5, 1.5, (seeds, 1)))
            tables.append(stream.random((seeds, images)) < chance)
        few, many = tables
        alarms += accuracy_difference(few, many).p_value < 0.05
    assert alarms <= most_alarms(400)
