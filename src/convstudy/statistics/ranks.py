"""Ranking of networks over several data sets."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from math import sqrt

import numpy as np
import numpy.typing as npt
import scipy

RESAMPLES = 9999  # of the permutation test; if there are fewer permutations, each is used once


@dataclass(frozen=True)
class Friedman:
    """Friedman's test of "all networks rank equally", with the data of a critical-difference diagram.

    `mean_ranks` has one rank per network, 1 being the best; ties share their ranks. `f_statistic` is that of Iman and
    Davenport, which orders rankings as `chi_square` does. `p_value` comes from permutations. Two networks whose mean
    ranks are `critical_difference` or more apart differ by Nemenyi's test, whose p-values are in `nemenyi`, networks x
    networks. `groups` are the bars of the diagram: the largest sets of two or more networks among which no difference
    is shown, as indices ordered by rank.
    """

    chi_square: float
    f_statistic: float
    p_value: float
    mean_ranks: tuple[float, ...]
    critical_difference: float
    nemenyi: tuple[tuple[float, ...], ...]
    groups: tuple[tuple[int, ...], ...]


def friedman(scores: npt.NDArray[np.float64], level: float = 0.05) -> Friedman:
    """Compare networks over data sets; scores are data sets x networks, higher is better, each a mean over seeds.

    The data sets are the sample, so the result is about other data sets; at least five are needed for it to say much.
    The p-value is the share of all permutations of the networks within each data set whose statistic is at least as
    large. It is exact for few networks and data sets, where the F distribution is far off: for two data sets that rank
    three networks in the same order it gives p = 0, although chance gives this once in about six. For more, it comes
    from 9,999 random permutations with a fixed seed.

    Raises: ValueError, for fewer than two data sets or three networks (compare two by their difference), or if a score
    is not finite.

    Source: Demsar 2006, Statistical Comparisons of Classifiers over Multiple Data Sets, section 3.2.2; Nemenyi 1963;
    Friedman 1937, whose own tables are exact, too.

    >>> scores = np.array([[0.9, 0.8, 0.7], [0.8, 0.7, 0.6], [0.9, 0.7, 0.5], [0.6, 0.5, 0.4], [0.9, 0.7, 0.8]])
    >>> friedman(scores).mean_ranks
    (1.0, 2.2, 2.8)
    """
    if scores.ndim != 2 or scores.shape[0] < 2 or scores.shape[1] < 3 or not np.isfinite(scores).all():
        raise ValueError(
            f"Friedman's test needs finite scores, two or more data sets x three or more networks; got {scores.shape}"
        )
    sets, networks = scores.shape
    mean_ranks = scipy.stats.rankdata(-scores, axis=1).mean(0)
    of_ranks = networks * (networks + 1) / (6 * sets)  # variance of a difference of two mean ranks
    chi_square = 2 / of_ranks * float(((mean_ranks - (networks + 1) / 2) ** 2).sum())
    left = sets * (networks - 1) - chi_square
    f_statistic = (sets - 1) * chi_square / left if left > 1e-9 else float("inf")
    steps = np.abs(mean_ranks[:, None] - mean_ranks) / sqrt(of_ranks)
    least = critical_difference(networks, sets, level)
    return Friedman(
        chi_square,
        f_statistic,
        _permutation_p_value(scipy.stats.rankdata(-scores, axis=1)),
        tuple(float(rank) for rank in mean_ranks),
        least,
        tuple(tuple(_nemenyi_p_value(float(step), networks) for step in row) for row in steps.round(9)),
        _groups(mean_ranks, least),
    )


def _permutation_p_value(ranks: npt.NDArray[np.float64]) -> float:
    """Return the p-value of the spread of the networks' rank sums under permutations within each data set."""

    def spread(*networks: npt.NDArray[np.float64], axis: int) -> npt.NDArray[np.float64]:
        return np.sum([network.sum(axis) ** 2 for network in networks], axis=0)  # type: ignore[no-any-return]

    if (ranks == ranks[0, 0]).all():
        return 1.0
    test = scipy.stats.permutation_test(
        tuple(ranks.T),
        spread,
        permutation_type="samples",
        alternative="greater",
        n_resamples=RESAMPLES,
        batch=1000,
        rng=np.random.default_rng(0),
    )
    return float(test.pvalue)


@cache
def critical_difference(networks: int, sets: int, level: float = 0.05) -> float:
    """Return the difference of two mean ranks that is significant by Nemenyi's test.

    Source: Demsar 2006, section 3.2.2 and Table 5.

    >>> round(critical_difference(4, 14), 2), round(critical_difference(4, 14, level=0.1), 2)
    (1.25, 1.12)
    """
    of_ranks = networks * (networks + 1) / (6 * sets)
    return float(scipy.stats.studentized_range.isf(level, networks, np.inf)) * sqrt(of_ranks / 2)


@cache
def _nemenyi_p_value(steps: float, networks: int) -> float:
    """Return the p-value of two mean ranks this many standard errors apart; the integral takes a while."""
    return float(scipy.stats.studentized_range.sf(steps * sqrt(2), networks, np.inf)) if steps > 0 else 1.0


def _groups(mean_ranks: npt.NDArray[np.float64], least: float) -> tuple[tuple[int, ...], ...]:
    order = [int(index) for index in np.argsort(mean_ranks, kind="stable")]
    groups: list[tuple[int, ...]] = []
    for start, first in enumerate(order):
        members = tuple(i for i in order[start:] if mean_ranks[i] - mean_ranks[first] < least)
        within_the_last = bool(groups) and set(members) <= set(groups[-1])
        if len(members) > 1 and not within_the_last:
            groups.append(members)
    return tuple(groups)
