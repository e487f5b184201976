"""Looks at a comparison to which seeds were added: known levels, and how often equal networks are called different."""

from __future__ import annotations

import numpy as np
import pytest

from convstudy.statistics import accuracy_difference
from convstudy.statistics.comparing import pairwise
from convstudy.statistics.grown import Looks
from convstudy.statistics.spending import crossing_probability


def test_levels_are_those_of_pocock() -> None:
    """Pocock 1977, Table 1: nominal levels of 2, 3, 4 and 5 equally spaced looks at 5%."""
    published = {2: 0.0294, 3: 0.0221, 4: 0.0182, 5: 0.0158}
    for count, level in published.items():
        looks = Looks(tuple(range(4, 4 * count + 1, 4)))
        assert looks.level == pytest.approx(level, abs=5e-5)
        assert crossing_probability(looks.seeds, looks.level) == pytest.approx(0.05, abs=1e-6)


def test_levels_of_their_own_are_added_up() -> None:
    assert crossing_probability([3, 5], [0.05, 1e-12]) == pytest.approx(0.05, abs=1e-6)
    assert Looks((3, 5)).total == pytest.approx(crossing_probability([3, 5], [0.05, Looks((3, 5)).level]))
    assert 0.05 < Looks((3, 5)).total < Looks((3, 5, 10)).total < 0.1


def test_one_look_changes_nothing() -> None:
    for looks in (Looks(()), Looks((3,)), Looks.of([1, 3])):
        assert (looks.level, looks.total, looks.adjusted(0.03)) == (0.05, 0.05, 0.03)


def test_the_interval_and_the_p_value_agree_after_several_looks() -> None:
    stream, looks = np.random.default_rng(2), Looks((2, 3, 5))
    for _ in range(100):
        a, b = (np.arange(2000) < stream.normal(1800 + shift, 15, (5, 1)) for shift in (0, 25))
        [pair] = pairwise({"a": a, "b": b}, looks)
        assert (pair.p_value < 0.05) == (pair.low > 0 or pair.high < 0)
        assert pair.p_value >= accuracy_difference(a, b).p_value


def test_equal_networks_are_called_different_as_often_as_is_told() -> None:
    stream, looks = np.random.Generator(np.random.MT19937(4)), (3, 5, 10)
    rules = [Looks(looks[: 1 + place]) for place in range(3)]
    studies, wrong = 400, 0
    for _ in range(studies):
        a, b = (np.arange(5000) < stream.normal(4000, 60, (10, 1)) for _ in range(2))
        wrong += any(
            rule.adjusted(accuracy_difference(a[:count], b[:count]).p_value) < 0.05
            for count, rule in zip(looks, rules, strict=True)
        )
    assert wrong / studies <= rules[-1].total + 2 * (rules[-1].total / studies) ** 0.5
