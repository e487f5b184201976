"""Non-inferiority against exact binomial reasoning and by simulation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from convstudy.statistics.difference import accuracy_difference
from convstudy.statistics.noninferiority import cheapest_noninferior, margin_p_value, noninferiority
from convstudy.statistics.paired_score import score_interval
from convstudy.statistics.variation import Answers


def run(right: int, images: int) -> Answers:
    answers: Answers = np.arange(images)[None] < right
    return answers


def test_two_runs_that_agree_need_about_as_many_images_as_the_rule_of_three_says() -> None:
    """Of n images without a difference, a true difference of the margin m has probability (1 - m)^n."""
    for images in (250, 350, 450):
        p_value = margin_p_value(run(200, images), run(200, images), 0.01)
        assert 0.6 * 0.99**images < p_value < 2 * 0.99**images


@given(st.integers(0, 15), st.integers(0, 15))
def test_single_runs_are_non_inferior_where_tango_s_interval_leaves_out_the_margin(first: int, second: int) -> None:
    a = np.repeat([True, False, True], [first, second, 300])[None]
    b = np.repeat([False, True, True], [first, second, 300])[None]
    low, _ = score_interval(first, second, 300 + first + second, 0.95)
    assert (margin_p_value(a, b, 0.02) < 0.025) == (low > -0.02)


def test_several_seeds_are_non_inferior_where_the_interval_leaves_out_the_margin() -> None:
    stream = np.random.default_rng(0)
    for _ in range(40):
        a, b = (stream.random((3, 500)) < 0.9 for _ in range(2))
        assert (margin_p_value(a, b, 0.02) < 0.025) == (accuracy_difference(a, b).low > -0.02)


@pytest.mark.parametrize(("images", "shown"), [(200, False), (1000, True)])
def test_seeds_that_agree_on_every_image_do_not_stand_in_for_images(images: int, shown: bool) -> None:
    """The margin's own variance, m (1 - m) / n: on 200 images a point is 1.4 of its standard errors."""
    same = np.tile(np.arange(images) < 0.9 * images, (5, 1))
    expected = stats.t.sf(0.01 / (0.01 * 0.99 / images) ** 0.5, images - 1)
    assert margin_p_value(same, same, 0.01) == pytest.approx(expected)
    assert noninferiority([same, same])[0].shown == shown


def test_a_network_is_held_against_every_other_one() -> None:
    networks = [run(950, 1000), run(950, 1000), run(940, 1000), run(900, 1000)]
    results = noninferiority(networks)
    assert [result.shown for result in results] == [True, True, False, False]
    assert cheapest_noninferior(results, [5, 4, 3, 2]) == 1
    assert noninferiority(networks, margin=0.1)[3].shown


def test_of_two_networks_no_p_value_is_raised() -> None:
    """One of the two is the best, so that at most one can be called non-inferior wrongly."""
    a, b = run(470, 500), run(468, 500)
    results = noninferiority([a, b], margin=0.02)
    assert results[1].p_value == pytest.approx(margin_p_value(b, a, 0.02))
    assert results[0].p_value == pytest.approx(max(margin_p_value(a, b, 0.02), results[0].p_value))


def test_more_networks_raise_p_values() -> None:
    """Three networks, p-values p1 <= p2 <= p3: times 2, 2 and 1 (Holm's 3, 2 and 1, but for the best)."""
    networks = [run(940, 1000), run(938, 1000), run(936, 1000)]
    raw = sorted(max(margin_p_value(one, other) for other in networks if other is not one) for one in networks)
    adjusted = sorted(result.p_value for result in noninferiority(networks))
    assert adjusted == pytest.approx([2 * raw[0], max(2 * raw[0], 2 * raw[1]), max(2 * raw[1], raw[2])])


def test_none_is_the_cheapest_where_none_is_shown() -> None:
    assert cheapest_noninferior(noninferiority([run(45, 50), run(44, 50)]), [1, 2]) is None


@pytest.mark.parametrize(("networks", "margin"), [(1, 0.01), (2, 0.0), (2, 1.5)])
def test_what_cannot_be_asked_is_refused(networks: int, margin: float) -> None:
    with pytest.raises(ValueError, match=f"got {networks}"):
        noninferiority([run(5, 9)] * networks, margin)


def test_different_test_images_are_refused() -> None:
    with pytest.raises(ValueError, match="9 and 8"):
        margin_p_value(run(5, 9), run(5, 8))


def test_a_network_at_the_margin_is_seldom_called_non_inferior() -> None:
    """Single runs of 94 % and 95 % that differ on single images; 400 studies, level 2.5 %: above 20 in 1 of 1,000."""
    stream = np.random.default_rng(3)
    alarms = 0
    for _ in range(400):
        both = stream.random(1000)
        a, b = (
            (both < 0.93)[None] | (stream.random((1, 1000)) < 1 / 7),
            (both < 0.93)[None] | (stream.random((1, 1000)) < 2 / 7),
        )
        alarms += noninferiority([a, b], margin=0.01)[0].shown
    assert alarms <= stats.binom.isf(0.001, 400, 0.025)
