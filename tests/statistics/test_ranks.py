"""Friedman and Nemenyi against Demsar 2006 and scipy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from convstudy.statistics.ranks import friedman

# Demsar 2006, Table 6: AUC of C4.5, C4.5+m, C4.5+cf and C4.5+m+cf on 14 data sets of UCI. On "voting", where the last
# two print as 0.975, their printed ranks are 2 and 3: a figure is added to the first of them.
TREES = np.array(
    [
        [0.763, 0.768, 0.771, 0.798],
        [0.599, 0.591, 0.590, 0.569],
        [0.954, 0.971, 0.968, 0.967],
        [0.628, 0.661, 0.654, 0.657],
        [0.882, 0.888, 0.886, 0.898],
        [0.936, 0.931, 0.916, 0.931],
        [0.661, 0.668, 0.609, 0.685],
        [0.583, 0.583, 0.563, 0.625],
        [0.775, 0.838, 0.866, 0.875],
        [1.000, 1.000, 1.000, 1.000],
        [0.940, 0.962, 0.965, 0.962],
        [0.619, 0.666, 0.614, 0.669],
        [0.972, 0.981, 0.97501, 0.975],
        [0.957, 0.978, 0.946, 0.970],
    ]
)


def test_the_worked_example_of_demsar() -> None:
    """Section 3.2.2: average ranks of Table 6; chi-square 9.28, F 3.69; CD 1.25 at 0.05 and 1.12 at 0.10."""
    result = friedman(TREES)
    assert result.mean_ranks == pytest.approx((3.143, 2.000, 2.893, 1.964), abs=5e-4)
    assert result.chi_square == pytest.approx(9.28, abs=5e-3)
    assert result.f_statistic == pytest.approx(3.69, abs=5e-3)
    assert result.critical_difference == pytest.approx(1.25, abs=5e-3)
    assert friedman(TREES, level=0.1).critical_difference == pytest.approx(1.12, abs=5e-3)
    assert stats.f.isf(0.05, 3, 39) < result.f_statistic  # 2.85, "so we reject the null-hypothesis"
    corrected = stats.friedmanchisquare(*TREES.T).statistic  # for ties, which permutations take as they are
    assert result.p_value == pytest.approx(stats.f.sf(13 * corrected / (14 * 3 - corrected), 3, 39), abs=0.003)


def test_groups_of_the_worked_example() -> None:
    """At 0.05 Nemenyi's test tells no two of them apart; at 0.10 (CD 1.12) C4.5 from both with m."""
    assert friedman(TREES).groups == ((3, 1, 2, 0),)
    assert friedman(TREES, level=0.1).groups == ((3, 1, 2), (2, 0))


@given(st.integers(0, 100), st.integers(3, 6), st.integers(3, 12))
def test_without_ties_it_is_scipy_s(seed: int, networks: int, sets: int) -> None:
    scores = np.random.default_rng(seed).normal(size=(sets, networks))
    assert friedman(scores).chi_square == pytest.approx(stats.friedmanchisquare(*scores.T).statistic)


@given(st.integers(0, 60))
def test_nemenyi_p_values_are_below_the_level_where_the_critical_difference_is_passed(seed: int) -> None:
    result = friedman(np.random.default_rng(seed).normal(size=(8, 4)) + np.arange(4))
    ranks = np.array(result.mean_ranks)
    apart = np.abs(ranks[:, None] - ranks) >= result.critical_difference
    assert ((np.array(result.nemenyi) <= 0.05) == apart).all()
    together = {(i, j) for group in result.groups for i in group for j in group}
    assert all(((i, j) in together) != apart[i, j] for i in range(4) for j in range(4) if i != j)


@pytest.mark.parametrize(
    ("scores", "chi_square", "p_value"),
    [
        ([[3, 2, 1], [3, 1, 2]], 3.0, 0.500),
        ([[3, 2, 1]] * 2, 4.0, 0.167),
        ([[3, 2, 1]] * 3, 6.0, 0.028),
        ([[3, 2, 1], [3, 2, 1], [3, 2, 1], [3, 1, 2]], 6.5, 0.042),
        ([[3, 2, 1]] * 4, 8.0, 0.0046),
        ([[4, 3, 2, 1]] * 2, 6.0, 0.042),
    ],
)
def test_the_exact_table_for_few_data_sets(scores: list[list[int]], chi_square: float, p_value: float) -> None:
    """Siegel 1956, Table N: the exact probabilities of Friedman's statistic, after Friedman 1937."""
    result = friedman(np.array(scores, dtype=np.float64))
    assert result.chi_square == pytest.approx(chi_square)
    assert result.p_value == pytest.approx(p_value, abs=5e-4)


def test_of_many_data_sets_the_permutations_are_near_f() -> None:
    for seed in range(20):
        scores = np.random.default_rng(seed).normal(size=(30, 6))
        result = friedman(scores)
        assert result.p_value == pytest.approx(stats.f.sf(result.f_statistic, 5, 145), abs=0.03)
        assert friedman(scores).p_value == result.p_value


def test_networks_that_always_rank_alike_are_told_apart() -> None:
    result = friedman(np.tile([0.9, 0.8, 0.7], (10, 1)))
    assert result.f_statistic == float("inf")
    assert result.p_value <= 0.001
    assert result.groups == ((0, 1), (1, 2))  # 10 data sets: CD 1.05


def test_equal_networks_rank_alike() -> None:
    result = friedman(np.full((5, 3), 0.9))
    assert (result.chi_square, result.p_value) == (0, 1)
    assert result.groups == ((0, 1, 2),)


@pytest.mark.parametrize("scores", [np.ones((1, 4)), np.ones((5, 2)), np.ones(5), np.full((5, 3), np.nan)])
def test_too_little_to_rank_is_refused(scores: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> None:
    with pytest.raises(ValueError, match="three or more networks; got"):
        friedman(scores)
