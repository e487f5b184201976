"""How far networks' answers lie apart, against the pairs counted one by one."""

from __future__ import annotations

import itertools

import numpy as np
import numpy.typing as npt
import pytest

from convstudy.statistics import disagreement


@pytest.mark.parametrize("seeds", [(1, 1), (3, 3), (2, 5, 4)])
def test_it_is_the_chance_that_two_answers_differ_less_that_within_a_network(seeds: tuple[int, ...]) -> None:
    random = np.random.default_rng(len(seeds))
    networks = [random.integers(0, 4, (number, 50)) for number in seeds]

    def differ(a: npt.NDArray[np.int64], b: npt.NDArray[np.int64]) -> float:
        return float(np.mean([x != y for x, y in itertools.product(a, b)]))

    for image, found in enumerate(disagreement(networks, classes=4)):
        answers = [network[:, image] for network in networks]
        among_all = np.mean([differ(a, b) for a, b in itertools.product(answers, answers)])
        within = np.mean([differ(a, a) for a in answers])
        assert found == pytest.approx(among_all - within, abs=1e-12)


def test_networks_that_are_sure_of_different_classes_come_before_those_that_waver() -> None:
    first, second = np.array([[0, 0, 0]] * 4), np.array([[1, 1, 0], [1, 0, 0], [1, 0, 0], [1, 1, 0]])
    assert disagreement([first, second], classes=2).argsort()[::-1].tolist() == [0, 1, 2]
