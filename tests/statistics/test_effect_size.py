"""Effect sizes against their definitions elsewhere, and the chance of a new seed against published limits."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy import stats

from convstudy.statistics.effect_size import cohens_g, standardized_difference
from convstudy.statistics.new_seed import chance_of_beating, noncentrality_interval
from convstudy.statistics.variation import Answers


def nested(rights: list[int], images: int) -> Answers:
    """One row a seed, the first `rights` images right."""
    answers: Answers = np.arange(images) < np.array(rights)[:, None]
    return answers


def test_cohens_g_of_the_published_table() -> None:
    """Agresti 2013, Table 11.1: of 236 who changed, 150 did one way; 150 / 236 - 1/2."""
    a = np.repeat([True, True, False, False], [794, 150, 86, 570])[None]
    b = np.repeat([True, False, True, False], [794, 150, 86, 570])[None]
    assert cohens_g(a, b) == pytest.approx(0.1356, abs=5e-5)
    assert cohens_g(b, a) == pytest.approx(-0.1356, abs=5e-5)
    assert cohens_g(a, a) is None


def test_cohens_g_refuses_several_seeds() -> None:
    with pytest.raises(ValueError, match="got 2 and 1 seeds"):
        cohens_g(nested([1, 2], 4), nested([1], 4))


@given(st.integers(0, 100))
def test_the_standardized_difference_is_the_paired_t_statistic_without_the_number_of_images(seed: int) -> None:
    stream = np.random.default_rng(seed)
    a, b = stream.random((3, 50)) < 0.7, stream.random((2, 50)) < 0.5
    t = stats.ttest_rel(a.mean(0), b.mean(0)).statistic
    assert standardized_difference(a, b) == pytest.approx(t / 50**0.5)


def test_no_standardized_difference_where_it_never_varies() -> None:
    assert standardized_difference(nested([4], 4), nested([0], 4)) is None
    assert standardized_difference(nested([1], 1), nested([0], 1)) is None


def test_noncentrality_against_mbess() -> None:
    """Kelley's R package MBESS documents conf.limits.nct(ncp=2.83, df=126): 0.8337502 to 4.815359."""
    assert noncentrality_interval(2.83, 126, 0.95) == pytest.approx((0.8337502, 4.815359), abs=5e-6)


def test_two_equal_networks_beat_each_other_half_of_the_time() -> None:
    chance = chance_of_beating(nested([80, 82, 84], 100), nested([82, 80, 84], 100))
    assert chance is not None
    assert chance.value == 0.5
    assert chance.low == pytest.approx(1 - chance.high)


@given(st.lists(st.integers(0, 60), min_size=2, max_size=5), st.lists(st.integers(0, 60), min_size=2, max_size=5))
@example([0, 0], [8, 8])  # where two seeds allow a larger chance than the interval of the noncentral t distribution
def test_one_network_s_chance_is_what_the_other_s_leaves(first: list[int], second: list[int]) -> None:
    a, b = nested(first, 60), nested(second, 60)
    there, back = chance_of_beating(a, b), chance_of_beating(b, a)
    assert there is not None
    assert back is not None
    assert there.low <= there.value <= there.high
    assert (there.low, there.value, there.high) == pytest.approx(
        (1 - back.high, 1 - back.value, 1 - back.low), abs=1e-6
    )


def test_seeds_without_spread_leave_the_rounding_to_whole_images() -> None:
    chance = chance_of_beating(nested([60] * 5, 60), nested([59] * 5, 60))
    assert chance is not None
    assert 0.8 < chance.low < chance.value < 1


def test_a_single_seed_tells_nothing_of_a_new_one() -> None:
    assert chance_of_beating(nested([5], 9), nested([4, 6], 9)) is None
