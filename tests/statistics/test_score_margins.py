"""Margins of a mean of shares against Wilson's interval, and what the ceiling and rare classes do to intervals."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize, stats
from statsmodels.stats.proportion import proportion_confint

from convstudy.statistics import Interval, accuracy_interval, balanced_accuracy_interval, macro_f1_interval
from convstudy.statistics.score_margins import score_margins


@given(st.integers(0, 60), st.integers(0, 60), st.sampled_from([0.005, 0.025, 0.1]))
def test_one_class_gives_wilson_s_interval(right: int, wrong: int, tail: float) -> None:
    images = right + wrong + 1
    share = right / images
    below, above = score_margins(np.array([share]), np.array([float(images)]), tail)
    expected = proportion_confint(right, images, alpha=2 * tail, method="wilson")
    assert (share - below, share + above) == pytest.approx(expected, abs=1e-9)


def test_two_classes_against_a_search_for_the_most_likely_shares() -> None:
    """The lowest mean that the score test does not reject, by scipy's optimizer instead of the tilt."""
    right, sizes = np.array([18.0, 4.0]), np.array([30.0, 5.0])

    def statistic(mean: float) -> float:
        def unlikely(first: float) -> float:
            shares = np.array([first, 2 * mean - first])
            return -float((right * np.log(shares) + (sizes - right) * np.log(1 - shares)).sum())

        limits = (max(2 * mean - 1, 0) + 1e-9, min(2 * mean, 1) - 1e-9)
        first = optimize.minimize_scalar(unlikely, bounds=limits, method="bounded", options={"xatol": 1e-10}).x
        shares = np.array([first, 2 * mean - first])
        variance = (shares * (1 - shares) / sizes).sum() / 4
        return float((0.7 - mean) / variance**0.5)

    lowest = optimize.brentq(lambda mean: statistic(mean) - stats.norm.isf(0.025), 0.3, 0.69)
    assert 0.7 - score_margins(right / sizes, sizes, 0.025)[0] == pytest.approx(lowest, abs=1e-6)


def test_of_a_class_with_one_image_that_is_right_nothing_is_taken_for_granted() -> None:
    """Wilson's interval for 1 of 1 reaches down to 0.207; the metric is the mean of ten classes."""
    below, above = score_margins(np.ones(10), np.array([50.0] * 9 + [1.0]), 0.025)
    assert below > (1 - 0.207) / 10 - 1e-3
    assert above == 0


def errors(images: int, wrong: int, seeds: int = 3) -> np.ndarray:
    """Answers of seeds of which the first is wrong on as many images, the others on one fewer."""
    answers = np.tile(np.arange(images) >= wrong, (seeds, 1))
    answers[1:, wrong - 1 : wrong] = True
    return answers


@pytest.mark.parametrize("seeds", [1, 2, 3, 10])
@pytest.mark.parametrize("images", [30, 450])
def test_an_error_more_never_raises_a_limit_near_the_ceiling(seeds: int, images: int) -> None:
    limits = [accuracy_interval(errors(images, wrong, seeds)) for wrong in range(5)]
    lows, highs = [each.low for each in limits], [each.high for each in limits]
    assert highs == sorted(highs, reverse=True)
    assert lows[0] == max(lows)
    if seeds == 1:
        assert lows == sorted(lows, reverse=True)


Predicted = tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]


def rare(stream: np.random.Generator, shares: list[float], recalls: list[float], images: int, seeds: int) -> Predicted:
    labels = stream.choice(len(shares), size=images, p=shares)
    right = stream.random((seeds, images)) < np.array(recalls)[labels]
    wrong = (labels + stream.integers(1, len(shares), (seeds, images))) % len(shares)
    return np.where(right, labels, wrong), labels


@pytest.mark.parametrize("interval_of", [balanced_accuracy_interval, macro_f1_interval])
@pytest.mark.parametrize(
    ("shares", "recalls", "images"),
    [([0.11] * 9 + [0.01], [0.97] * 9 + [0.8], 450), ([0.95, 0.05], [0.99, 0.9], 120)],
)
def test_rare_classes_that_may_be_all_right_are_covered(
    interval_of: object, shares: list[float], recalls: list[float], images: int
) -> None:
    """By the influences alone, balanced accuracy covers in 50 to 80 % here, macro F1 in 80 to 90 %."""
    stream = np.random.default_rng(images)
    sizes, table = np.array(shares), np.full((len(shares),) * 2, 0.0)
    for row, recall in enumerate(recalls):
        table[row] = (1 - recall) / (len(shares) - 1)
        table[row, row] = recall
    counts = table * sizes[:, None]
    f1 = 2 * counts.diagonal() / (counts.sum(0) + counts.sum(1))
    by_class = np.array(recalls) if interval_of is balanced_accuracy_interval else f1
    covered, repetitions = 0, 200
    for _ in range(repetitions):
        predictions, labels = rare(stream, shares, recalls, images, 1)
        interval: Interval = interval_of(predictions, labels)  # type: ignore[operator]
        covered += interval.low <= by_class[np.unique(labels)].mean() <= interval.high
    assert covered >= stats.binom.ppf(0.001, repetitions, 0.95)
