"""Simulated predictions of networks whose true accuracy is known.

A run classifies an image correctly with probability logistic(ability + luck + difficulty), where ability belongs to the
network, luck to the seed, and difficulty to the image. The fraction `overlap` of the variance of the difficulty is
common to all networks.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy import optimize, stats
from scipy.special import expit

ABILITY = 1.5  # gives a top-1 of about 75%
DIFFICULTY = 2.0  # standard deviation over images

Answers = npt.NDArray[np.bool_]


def expected_top1(luck: float, ability: float = ABILITY) -> float:
    """Return the expected top-1, computed by quadrature; `luck` is its standard deviation over seeds in logits."""
    x = np.linspace(-9, 9, 20_001)
    density = stats.norm.pdf(x)
    return float((density * expit(ability + np.hypot(DIFFICULTY, luck) * x)).sum() / density.sum())


def ability_for(top1: float, luck: float) -> float:
    """Return the ability that gives this top-1."""
    return float(optimize.brentq(lambda ability: expected_top1(luck, ability) - top1, -10, 20))


def spread_of_seeds(luck: float) -> float:
    """Return the standard deviation of top-1 between seeds for infinitely many images."""
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
    """Return for each ability which predictions are correct, seeds x images."""
    common = DIFFICULTY * overlap**0.5 * stream.normal(size=images)
    tables = []
    for ability in abilities:
        difficulty = common + DIFFICULTY * (1 - overlap) ** 0.5 * stream.normal(size=images)
        of_seed = ability + luck * stream.normal(size=(seeds, 1))
        tables.append(stream.random((seeds, images)) < expit(of_seed + difficulty))
    return tables
