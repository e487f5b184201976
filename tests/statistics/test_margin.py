"""Margins against Student's t and against each other."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from convstudy.statistics.margin import ErrorParts

VARIANCES = st.floats(1e-6, 1.0)
FREEDOMS = st.integers(1, 40)


@given(VARIANCES, FREEDOMS, st.floats(0.001, 0.4))
def test_of_one_sample_it_is_student_s_t(variance: float, freedom: int, tail: float) -> None:
    expected = stats.t.isf(tail, freedom) * variance**0.5
    assert ErrorParts(variance, freedom).margin(tail) == pytest.approx(expected)
    assert ErrorParts(0.0, 99, variance, freedom).margin(tail) == pytest.approx(expected)
    assert ErrorParts(variance, freedom).p_value(-expected) == pytest.approx(2 * tail)


@given(VARIANCES, FREEDOMS, VARIANCES, FREEDOMS, st.floats(1e-6, 0.99))
def test_an_estimate_at_its_margin_has_the_p_value_of_the_margin(
    images: float, images_freedom: int, seeds: float, seeds_freedom: int, p_value: float
) -> None:
    parts = ErrorParts(images, images_freedom, seeds, seeds_freedom)
    margin = parts.margin(p_value / 2)
    assert parts.p_value(margin) == pytest.approx(p_value, rel=1e-6)
    assert margin >= ErrorParts(images, images_freedom).margin(p_value / 2)


@given(VARIANCES, FREEDOMS, VARIANCES, FREEDOMS, st.floats(0.001, 0.4))
def test_two_sides_have_the_mean_of_their_quantiles_by_their_variances(
    first: float, one: int, second: float, other: int, tail: float
) -> None:
    """Cochran & Cox's t, as SAS documents it for PROC TTEST."""
    quantile = (first * stats.t.isf(tail, one) + second * stats.t.isf(tail, other)) / (first + second)
    parts = ErrorParts(0.0, 99, first + second, 1.0, ((first, one), (second, other)))
    expected = quantile * (first + second) ** 0.5
    assert parts.margin(tail) == pytest.approx(expected)
    assert parts.p_value(expected) == pytest.approx(2 * tail)


def test_the_ends_of_the_scale() -> None:
    assert ErrorParts(1.0, 5).p_value(0.0) == 1
    assert ErrorParts(1e-12, 1e6).p_value(1.0) == 0
    assert ErrorParts(0.0, 5).p_value(0.1) == 0
