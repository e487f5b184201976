"""Tango's score against published tables."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from convstudy.statistics import accuracy_difference
from convstudy.statistics.paired_score import score, score_interval


def test_the_interval_of_the_published_example() -> None:
    """Fagerland, Lydersen & Laake 2014, Table II (1 and 7 of 21 changed): -0.517 to -0.026."""
    assert score_interval(1, 7, 21, 0.95) == pytest.approx((-0.517, -0.026), abs=5e-4)


@given(st.integers(0, 9), st.integers(0, 9), st.integers(20, 60))
def test_the_score_of_no_difference_is_mcnemar_s(first: int, second: int, images: int) -> None:
    expected = (first - second) / (first + second) ** 0.5 if first + second else 0
    assert score(first, second, images, 0.0) == pytest.approx(expected)


@given(st.integers(0, 9), st.integers(0, 9), st.integers(18, 60))
def test_limits_are_where_the_score_is_the_normal_quantile(first: int, second: int, images: int) -> None:
    low, high = score_interval(first, second, images, 0.9)
    assert -1 < low <= (first - second) / images <= high < 1
    limit = stats.norm.ppf(0.95)
    assert score(first, second, images, low) == pytest.approx(limit, abs=1e-6)
    assert score(first, second, images, high) == pytest.approx(-limit, abs=1e-6)


@pytest.mark.parametrize("images", [1, 5, 21])
def test_runs_that_differ_on_every_image_reach_the_end_of_the_scale(images: int) -> None:
    assert score_interval(images, 0, images, 0.95)[1] == 1
    assert score_interval(0, images, images, 0.95)[0] == -1


def test_two_single_runs_get_the_score_interval() -> None:
    a = np.repeat([True, True, False, False], [1, 1, 7, 12])[None]
    b = np.repeat([True, False, True, False], [1, 1, 7, 12])[None]
    difference = accuracy_difference(a, b)
    assert (difference.value, difference.low, difference.high) == pytest.approx((-0.286, -0.517, -0.026), abs=5e-4)
    assert difference.p_value == pytest.approx(0.0703, abs=5e-5)  # the exact conditional p-value of the same table
