"""Simulated predictions of networks whose true accuracy is known.

A run classifies an image correctly with probability logistic(ability + luck + difficulty), where ability belongs to the
network, luck to the seed, and difficulty to the image. The fraction `overlap` of the variance of the difficulty is
common to all networks.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy import optimize, special, stats
from scipy.special import expit, logit

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


LEVELS = (np.arange(4000) + 0.5) / 4000  # of the quantiles of an image's chance
NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(41)


class BetaImages:
    """Images on which a run is right with a Beta distributed chance, another generator than the normal logits above.

    A small `concentration` makes images that are right or wrong in nearly every run; the mean is `top1`. A seed moves
    the logit of every chance by a normal variable with the standard deviation `luck`, to the side of fewer right
    answers than that of more if top-1 is high: seeds are left-skewed.
    """

    def __init__(self, top1: float, concentration: float, luck: float) -> None:
        chances = stats.beta.ppf(LEVELS, top1 * concentration, (1 - top1) * concentration)
        self.logits = logit(np.clip(chances, 1e-9, 1 - 1e-9))
        self.luck = luck
        moved = expit(self.logits[:, None] + luck * NODES)
        self.expected_top1 = float(moved.mean(0) @ WEIGHTS / WEIGHTS.sum())

    def networks(
        self, stream: np.random.Generator, seeds: Sequence[int], images: int, *, overlap: float, cluster: int = 1
    ) -> list[Answers]:
        """Return for each number of seeds which predictions are correct, seeds x images.

        The difficulty of an image has the correlation `overlap` between networks, and is that of all images of its
        cluster.
        """
        drawn = -(-images // cluster)
        common = stream.normal(size=drawn)
        tables = []
        for count in seeds:
            latent = overlap**0.5 * common + (1 - overlap) ** 0.5 * stream.normal(size=drawn)
            place = np.minimum((special.ndtr(latent) * len(LEVELS)).astype(int), len(LEVELS) - 1)
            difficulty = np.repeat(self.logits[place], cluster)[:images]
            of_seed = self.luck * stream.normal(size=(count, 1))
            tables.append(stream.random((count, images)) < expit(of_seed + difficulty))
        return tables
