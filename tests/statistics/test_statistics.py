"""Intervals and tests against scipy, statsmodels, published examples and simulation with known truth."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats
from scipy.special import expit
from statsmodels.stats.anova import anova_lm
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

from convstudy.statistics import accuracy_difference, accuracy_interval, holm, pairwise
from convstudy.statistics.difference import mcnemar_p
from convstudy.statistics.paired_score import score
from convstudy.statistics.variation import Answers, image_variance, seed_variation

TABLES = hnp.arrays(np.bool_, st.tuples(st.integers(1, 5), st.integers(2, 40)))


def random_answers(seeds: int, images: int, stream: np.random.Generator, accuracy: float = 0.8) -> Answers:
    table: Answers = stream.random((seeds, images)) < accuracy
    return table


def test_the_variances_are_those_of_the_two_way_analysis_of_variance() -> None:
    seeds, images = 4, 30
    answers = random_answers(seeds, images, np.random.default_rng(0), 0.6)
    frame = pd.DataFrame(
        [(s, i, float(answers[s, i])) for s in range(seeds) for i in range(images)], columns=["seed", "image", "right"]
    )
    squares = anova_lm(smf.ols("right ~ C(seed) + C(image)", frame).fit())["mean_sq"]
    count = seeds * images
    variation = seed_variation(answers)
    assert variation.observed == pytest.approx(squares["C(seed)"] / count)
    assert variation.interaction == pytest.approx(squares["Residual"] / count)
    assert image_variance(answers.mean(0)) == pytest.approx(squares["C(image)"] / count)


@given(TABLES.filter(lambda table: len(table) == 1))
def test_one_seed_gives_wilson_s_interval(answers: Answers) -> None:
    interval = accuracy_interval(answers)
    low, high = proportion_confint(answers.sum(), answers.shape[1], method="wilson")
    assert (interval.low, interval.high) == pytest.approx((low, high))


@given(TABLES)
def test_an_interval_holds_its_accuracy_and_stays_between_0_and_1(answers: Answers) -> None:
    interval = accuracy_interval(answers)
    assert interval.value == pytest.approx(answers.mean())
    assert 0 <= interval.low <= interval.value + 1e-12
    assert interval.value - 1e-12 <= interval.high <= 1


def test_mcnemar_against_the_published_example() -> None:
    """Agresti 2013, Categorical Data Analysis, Table 11.1: 86 and 150 discordant answers; exact by the binomial."""
    a = np.repeat([True, True, False, False], [794, 150, 86, 570])
    b = np.repeat([True, False, True, False], [794, 150, 86, 570])
    assert mcnemar_p(a, b) == pytest.approx(stats.binomtest(86, 236).pvalue)
    assert score(150, 86, 1600, 0.0) ** 2 == pytest.approx(17.36, abs=0.005)  # the example's own statistic
    assert mcnemar_p(a, b) == pytest.approx(stats.chi2.sf(17.36, 1), rel=0.3)
    assert mcnemar_p(b, a) == mcnemar_p(a, b) != mcnemar_p(a, ~b)


def test_holm_against_the_published_example() -> None:
    """Holm 1979's procedure by hand: sorted p times (m - rank), made monotone, at most 1."""
    assert holm([0.01, 0.02, 0.03, 0.6]) == pytest.approx([0.04, 0.06, 0.06, 0.6])
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
@settings(max_examples=10)  # statsmodels collects garbage at every call
def test_holm_against_statsmodels(p_values: list[float]) -> None:
    assert holm(p_values) == pytest.approx(list(multipletests(p_values, method="holm")[1]))


@given(TABLES, st.integers(0, 99))
def test_a_difference_changes_its_sign_with_the_order(a: Answers, seed: int) -> None:
    b = random_answers(2, a.shape[1], np.random.default_rng(seed))
    there, back = accuracy_difference(a, b), accuracy_difference(b, a)
    assert (there.value, there.low, there.high) == pytest.approx((-back.value, -back.high, -back.low))
    assert there.p_value == pytest.approx(back.p_value)


@given(st.integers(0, 500))
@settings(max_examples=40)
def test_interval_and_p_value_agree_over_several_seeds(seed: int) -> None:
    stream = np.random.default_rng(seed)
    a, b = random_answers(3, 200, stream, 0.85), random_answers(3, 200, stream, 0.8)
    difference = accuracy_difference(a, b)
    assert (difference.p_value < 0.05) == (difference.low > 0 or difference.high < 0)


def test_networks_with_the_same_answers_get_the_width_of_one_that_differs() -> None:
    same = np.tile(np.arange(50) < 40, (3, 1))
    difference = accuracy_difference(same, same)
    assert difference.high == -difference.low == pytest.approx(stats.t.isf(0.025, 49) / 50)


def test_different_test_images_are_refused() -> None:
    with pytest.raises(ValueError, match="3 and 4"):
        accuracy_difference(np.ones((1, 3), bool), np.ones((1, 4), bool))


def truth(ability: float, spread: float) -> float:
    """Mean of the logistic of a normal variable, by quadrature."""
    x = np.linspace(-9, 9, 20_001)
    density = stats.norm.pdf(x)
    return float((density * expit(ability + spread * x)).sum() / density.sum())


@pytest.mark.parametrize(("seeds", "images"), [(3, 100), (3, 1000), (5, 300), (10, 300)])
@pytest.mark.parametrize("seed_spread", [0.0, 0.2])
def test_intervals_cover_the_truth_and_false_alarms_stay_at_their_level(
    seeds: int, images: int, seed_spread: float
) -> None:
    """Answers with known truth: images of different difficulty, seeds of different luck; 400 studies.

    95 % of 400 is 380; a correct interval falls below 368 (92 %) in 1 of 100 such tests, a false alarm rate of 5 %
    rises above 32 (8 %) as seldom.
    """
    stream = np.random.default_rng([seeds, images, round(10 * seed_spread)])
    expected = truth(1.5, float(np.hypot(2.0, seed_spread)))
    covered = alarms = 0
    for _ in range(400):
        difficulty = 2 * stream.normal(size=images)
        a, b = (_answers(stream, difficulty, seeds, seed_spread) for _ in range(2))
        interval = accuracy_interval(a)
        covered += interval.low <= expected <= interval.high
        alarms += accuracy_difference(a, b).p_value < 0.05
    assert covered >= 368
    assert alarms <= 32


def _answers(
    stream: np.random.Generator, difficulty: npt.NDArray[np.float64], seeds: int, seed_spread: float
) -> Answers:
    luck = seed_spread * stream.normal(size=(seeds, 1))
    answers: Answers = stream.random((seeds, len(difficulty))) < expit(1.5 + difficulty + luck)
    return answers


def test_a_real_difference_is_found() -> None:
    stream = np.random.default_rng(0)
    difficulty = 2 * stream.normal(size=1000)
    a = _answers(stream, difficulty + 0.5, 5, 0.1)
    b = _answers(stream, difficulty, 5, 0.1)
    difference = accuracy_difference(a, b)
    assert difference.p_value < 0.001
    assert difference.low < truth(2.0, 2.0) - truth(1.5, 2.0) < difference.high


@given(st.integers(0, 60), st.integers(1, 4))
@settings(max_examples=30)
def test_intervals_of_several_networks_agree_with_their_adjusted_p_values(seed: int, seeds: int) -> None:
    stream = np.random.default_rng(seed)
    answers = {
        name: random_answers(seeds, 300, stream, share)
        for name, share in zip("abcd", stream.uniform(0.6, 0.95, 4), strict=True)
    }
    for pair in pairwise(answers):
        assert (pair.p_value < 0.05) == (pair.low > 0 or pair.high < 0) or pair.low == 0 or pair.high == 0
        assert not (pair.low > 0 or pair.high < 0) or pair.p_value < 0.05
        assert pair.low <= pair.value <= pair.high
        alone = accuracy_difference(answers[pair.a], answers[pair.b])
        assert pair.p_value >= alone.p_value
        if pair.low < 0 < pair.high:
            assert pair.low <= alone.low
            assert pair.high >= alone.high
