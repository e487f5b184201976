"""Answers of networks whose true accuracy is known.

An image has a difficulty, a seed has its luck, and a run gets an image right with the logistic of ability + luck +
difficulty. A part of the difficulty is common to all networks, `overlap`; the rest is each network's own.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy import optimize, stats
from scipy.special import expit

ABILITY = 1.5  # with which top-1 is about 75 %
DIFFICULTY = 2.0  # standard deviation over images

Answers = npt.NDArray[np.bool_]


def expected_top1(luck: float, ability: float = ABILITY) -> float:
    """The mean of the logistic of a normal variable, by quadrature; `luck` is a standard deviation over seeds."""
    x = np.linspace(-9, 9, 20_001)
    density = stats.norm.pdf(x)
    return float((density * expit(ability + np.hypot(DIFFICULTY, luck) * x)).sum() / density.sum())


def ability_for(top1: float, luck: float) -> float:
    """The ability that gives this top-1."""
    return float(optimize.brentq(lambda ability: expected_top1(luck, ability) - top1, -10, 20))


def spread_of_seeds(luck: float) -> float:
    """The standard deviation of top-1 between seeds, on endlessly many images."""
    return float(
        np.std([expected_top1(0.0, ABILITY + luck * step) for step in stats.norm.ppf((np.arange(50) + 0.5) / 50)])
    )


def networks(
    stream: np.random.Generator,
    seeds: int,
    images: int,
    *,
    luck: float,
    overlap: float,
    abilities: Sequence[float] = (ABILITY, ABILITY),
) -> list[Answers]:
    """One table of answers, seeds x images, for each ability."""
    common = DIFFICULTY * overlap**0.5 * stream.normal(size=images)
    tables = []
    for ability in abilities:
        difficulty = common + DIFFICULTY * (1 - overlap) ** 0.5 * stream.normal(size=images)
        of_seed = ability + luck * stream.normal(size=(seeds, 1))
        tables.append(stream.random((seeds, images)) < expit(of_seed + difficulty))
    return tables
