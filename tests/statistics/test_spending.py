"""Levels of looks against published tables, and against a simulation of sums."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from convstudy.statistics.spending import least_total, level_at, linear, nominal_levels


def obrien_fleming(total: float, share: float) -> float:
    """Lan & DeMets 1983, section 3: the spending function in the manner of O'Brien & Fleming."""
    return float(4 * (1 - stats.norm.cdf(stats.norm.isf(total / 4) / share**0.5)))


def pocock(total: float, share: float) -> float:
    """Lan & DeMets 1983, section 3: the spending function in the manner of Pocock."""
    return float(total * np.log(1 + (np.e - 1) * share))


def test_five_looks_of_lan_and_demets() -> None:
    levels = nominal_levels(range(1, 6), 5, 0.05, obrien_fleming)
    assert [round(float(stats.norm.isf(level / 2)), 2) for level in levels] == [4.88, 3.36, 2.68, 2.29, 2.03]
    levels = nominal_levels(range(1, 6), 5, 0.05, pocock)
    assert levels == pytest.approx([0.0148, 0.0152, 0.0160, 0.0165, 0.0170], abs=0.0001)


def test_one_look_spends_all() -> None:
    assert nominal_levels([20], 20, 0.05) == pytest.approx([0.05])


@pytest.mark.parametrize("looks", [tuple(range(3, 21)), (3, 6, 9, 12, 15, 18, 20), (2, 20)])
def test_sums_cross_as_often_as_they_may(looks: tuple[int, ...]) -> None:
    total, repetitions = 0.05, 200_000
    bounds = stats.norm.isf(np.array(nominal_levels(looks, 20, total)) / 2)
    stream = np.random.Generator(np.random.MT19937(7))  # another generator than the package's
    sums = stream.standard_normal((repetitions, 20)).cumsum(1)[:, np.array(looks) - 1]
    crossed = (np.abs(sums) / np.sqrt(looks) > bounds).any(1).mean()
    assert crossed == pytest.approx(total, abs=4 * (total / repetitions) ** 0.5)


@given(st.floats(1e-6, 0.4), st.integers(0, 17))
@settings(max_examples=30, deadline=None)
def test_the_table_gives_what_the_recursion_gives(total: float, place: int) -> None:
    looks = tuple(range(3, 21))
    assert level_at(looks, 20, place, total) == pytest.approx(nominal_levels(looks, 20, total)[place], rel=0.01)


def test_a_level_is_found_again() -> None:
    looks = tuple(range(3, 21))
    wanted = level_at(looks, 20, 5, 0.02)
    assert least_total(lambda total: level_at(looks, 20, 5, total) >= wanted) == pytest.approx(0.02, rel=1e-6)
    assert least_total(lambda _: False) == 1


@pytest.mark.parametrize("looks", [[], [3, 3], [5, 4], [0, 3], [3, 21]])
def test_looks_that_do_not_increase_to_the_cap_are_refused(looks: list[int]) -> None:
    with pytest.raises(ValueError, match="expected increasing numbers of seeds"):
        nominal_levels(looks, 20, 0.05)


def test_linear_spending() -> None:
    assert [linear(0.04, share) for share in (0, 0.5, 1)] == [0, 0.02, 0.04]
