"""Where the uncertainty of a difference comes from, and the accuracy of the best of several equal networks."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from convstudy.statistics import accuracy_difference, accuracy_interval, uncertainty, winner_interval


def networks(
    stream: np.random.Generator, spread: float, images: int, count: int = 2, seeds: int = 4
) -> list[np.ndarray]:
    """Networks of equal mean accuracy; `spread` is that of their seeds."""
    return [stream.random((seeds, images)) < 0.8 + spread * stream.normal(size=(seeds, 1)) for _ in range(count)]


def test_the_shares_add_up_and_the_margin_is_that_of_the_difference() -> None:
    a, b = networks(np.random.default_rng(0), 0.05, 800)
    found = uncertainty(a, b)
    assert found is not None
    assert found.seeds + found.images + found.interaction == pytest.approx(1)
    difference = accuracy_difference(a, b)
    assert found.margin == pytest.approx((difference.high - difference.low) / 2, rel=1e-6)
    assert found.margin_with_seeds < found.margin
    assert found.margin_with_images < found.margin


def test_seeds_that_differ_ask_for_seeds_and_images_that_differ_for_images() -> None:
    stream = np.random.default_rng(1)
    first, second = networks(stream, 0.1, 5000)
    seeds = uncertainty(first, second)
    assert seeds is not None
    assert seeds.seeds > 0.9
    assert not seeds.more_images
    rights = [np.tile(stream.random(200) < 0.8, (20, 1)) for _ in range(2)]
    rights[0][0, :2] = ~rights[0][0, :2]
    rights[1][1, :2] = ~rights[1][1, :2]
    images = uncertainty(rights[0], rights[1])
    assert images is not None
    assert images.images > 0.9
    assert images.more_images


def test_single_runs_and_equal_answers_say_nothing_of_it() -> None:
    a, b = networks(np.random.default_rng(2), 0.05, 100)
    assert uncertainty(a[:1], b) is None
    assert uncertainty(a, b[:1]) is None
    same = np.ones((3, 100), bool)
    assert uncertainty(same, same) is None


def test_the_best_of_eight_equal_networks_is_covered_after_the_adjustment_only() -> None:
    stream, repetitions = np.random.default_rng(3), 200
    covered = np.zeros(2)
    for _ in range(repetitions):
        best = max(networks(stream, 0.0, 450, count=8, seeds=1), key=lambda answers: float(answers.mean()))
        for place, interval in enumerate((accuracy_interval(best), winner_interval(best, 8))):
            covered[place] += interval.low <= 0.8 <= interval.high
    assert covered[0] < stats.binom.ppf(0.001, repetitions, 0.95)
    assert covered[1] >= stats.binom.ppf(0.001, repetitions, 0.95)


def test_the_margin_is_that_of_the_interval_where_a_component_would_be_negative() -> None:
    """Seeds that are closer than their single answers allow: their component is zero, the interval's is not."""
    stream = np.random.default_rng(4)
    a, b = (stream.random((3, 400)) < 0.9 for _ in range(2))
    a = np.stack([np.roll(a[0], 50 * seed) for seed in range(3)])  # the same top-1, other images
    a[0, :2] = True
    found, difference = uncertainty(a, b), accuracy_difference(a, b)
    assert found is not None
    assert found.margin == pytest.approx((difference.high - difference.low) / 2, rel=1e-6)
