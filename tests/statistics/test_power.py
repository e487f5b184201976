"""Power against published sample sizes and against statsmodels."""

from __future__ import annotations

from dataclasses import astuple

import numpy as np
import pytest
from scipy.special import expit
from statsmodels.stats.power import TTestIndPower

from convstudy.statistics import accuracy_difference
from convstudy.statistics.difference import difference_error
from convstudy.statistics.power import (
    PairVariance,
    detectable_difference,
    images_needed,
    seeds_needed,
    size_needed,
)
from convstudy.statistics.variation import Answers

PAIRED_IMAGES = PairVariance(1.0, (0.0, 0.0), (0.0, 0.0))
SEEDS_ONLY = PairVariance(0.0, (1.0, 1.0), (0.0, 0.0))


def answers(stream: np.random.Generator, seeds: int, images: int, gap: float = 0.0) -> tuple[Answers, Answers]:
    difficulty = 2 * stream.normal(size=images)
    a, b = (
        stream.random((seeds, images))
        < expit(ability + 0.2 * stream.normal(size=(seeds, 1)) + difficulty + stream.normal(size=images))
        for ability in (1.5 + gap, 1.5)
    )
    return a, b


@pytest.mark.parametrize(("effect", "expected"), [(0.2, 394), (0.5, 64), (0.8, 26)])
def test_seeds_are_the_published_sample_sizes_of_two_groups(effect: float, expected: int) -> None:
    """G*Power 3.1, "difference between two independent means", two-sided, power .80, alpha .05.

    Cohen 1992, Table 2, has 393, 64 and 26.
    """
    assert seeds_needed(SEEDS_ONLY, effect, 10_000) == expected


@pytest.mark.parametrize(("effect", "expected"), [(0.2, 199), (0.5, 34), (0.8, 15)])
def test_images_are_the_published_sample_sizes_of_pairs(effect: float, expected: int) -> None:
    """G*Power 3.1, "difference between two dependent means", two-sided, power .80, alpha .05: 199, 34 and 15."""
    assert images_needed(PAIRED_IMAGES, effect, 1) == expected


def test_what_can_be_detected_is_what_statsmodels_says_of_two_groups() -> None:
    effect = TTestIndPower().solve_power(nobs1=12, alpha=0.01, power=0.9)
    error = SEEDS_ONLY.error(12, 10_000)
    assert error.seeds_freedom == pytest.approx(22)
    assert detectable_difference(error, 0.01, 0.9) == pytest.approx(effect, rel=1e-4)


def test_parts_of_the_variance_give_back_the_whole() -> None:
    a, b = answers(np.random.default_rng(2), 6, 2000)
    variance = PairVariance.of(a, b)
    assert min(*variance.seeds, variance.images) > 0
    found, whole = (astuple(error)[:4] for error in (variance.error(6, 2000), difference_error(a, b)))
    assert found == pytest.approx(whole)


def test_a_study_as_large_as_needed_has_the_power() -> None:
    a, b = answers(np.random.default_rng(0), 10, 300, gap=0.3)
    variance = PairVariance.of(a, b)
    observed = abs(accuracy_difference(a, b).value)
    images = images_needed(variance, observed, 10)
    assert images is not None
    enough = detectable_difference(variance.error(10, images))
    assert enough <= observed < detectable_difference(variance.error(10, images - 1))


def test_seeds_do_not_help_where_images_are_what_limits() -> None:
    assert seeds_needed(PairVariance(1.0, (0.01, 0.01), (0.0, 0.0)), 0.01, 100) is None
    assert images_needed(SEEDS_ONLY, 0.5, 5) is None


def test_no_difference_needs_no_size() -> None:
    a, _ = answers(np.random.default_rng(0), 3, 100)
    variance = PairVariance.of(a, a)
    assert (seeds_needed(variance, 0.0, 100), images_needed(variance, 0.0, 3)) == (None, None)
    assert detectable_difference(difference_error(a, a)) > 0


def test_one_seed_says_nothing_of_seeds() -> None:
    a, b = answers(np.random.default_rng(1), 1, 400, gap=0.3)
    assert size_needed(a, b, 0.05) is None
    assert images_needed(PairVariance.of(a, b), 0.05, 1) is not None


def test_unequal_studies_are_refused() -> None:
    with pytest.raises(ValueError, match=r"\(2, 5\) and \(3, 5\)"):
        size_needed(np.ones((2, 5), bool), np.ones((3, 5), bool), 0.01)


def test_a_difference_as_large_as_detectable_is_shown_in_four_studies_of_five() -> None:
    """400 studies whose true difference is about what they can detect."""
    stream = np.random.default_rng(5)
    studies = [answers(stream, 5, 300, gap=0.6) for _ in range(400)]
    detectable = np.mean([detectable_difference(difference_error(a, b)) for a, b in studies])
    assert _true_difference(0.6) == pytest.approx(detectable, rel=0.05)
    shown = np.mean([accuracy_difference(a, b).p_value < 0.05 for a, b in studies])
    assert shown == pytest.approx(0.8, abs=0.06)


def _true_difference(gap: float) -> float:
    spread = np.sqrt(2**2 + 0.2**2 + 1) * np.random.default_rng(0).normal(size=1_000_000)
    return float(expit(1.5 + gap + spread).mean() - expit(1.5 + spread).mean())


def test_the_limits_of_the_seeds_needed_cover_what_is_needed_in_truth() -> None:
    """200 studies of 3 seeds, and the variances of 1,000 seeds; more in benchmarks/size_needed.py."""
    stream = np.random.default_rng(6)
    truth = seeds_needed(PairVariance.of(*answers(stream, 1000, 2000)), 0.03, 1000)
    assert truth is not None
    covered = 0
    for _ in range(200):
        a, b = answers(stream, 3, 1000)
        found = size_needed(a, b, 0.03)
        assert found is not None
        covered += (found.fewest or 1001) <= truth <= (found.most or 1001)
    assert covered / 200 > 0.92


def test_images_that_cannot_show_a_difference_are_named_with_the_number_that_can() -> None:
    stream = np.random.default_rng(7)
    a, b = (np.tile(stream.random(400) < 0.8, (3, 1)) for _ in range(2))
    a[0, 0], b[1, 1] = ~a[0, 0], ~b[1, 1]
    found = size_needed(a, b, 0.02)
    assert found is not None
    assert (found.seeds, found.fewest, found.most) == (None, None, None)
    assert found.images == pytest.approx(2.8**2 * 0.32 / 0.02**2, rel=0.15)  # two shares of 0.8, each 0.8 x 0.2


def test_single_runs_do_not_say_how_many_seeds_are_needed() -> None:
    a, b = answers(np.random.default_rng(1), 1, 400)
    assert size_needed(a, b, 0.01) is None
