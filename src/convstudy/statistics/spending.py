"""The level that each look at accumulating seeds can use, so that all looks together keep the level of the study.

Source: Lan & DeMets 1983 for spending; Kim & DeMets 1987 for power-family spending; Armitage, McPherson & Rowe 1969 for
the recursion over looks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from math import exp, log

import numpy as np
import numpy.typing as npt
import scipy

NODES = 61  # of the Gauss-Legendre quadrature over the region in which the study continues
WIDEST = 9.0  # standard deviations beyond which a sum of normal variables has no weight
SMALLEST, LARGEST = 1e-12, 1 - 1e-9  # totals for which levels are tabulated
TABULATED = 48

Spending = Callable[[float, float], float]  # of the total level and the share of information; what is spent by then


def linear(total: float, share: float) -> float:
    """Spend in proportion to the information, as Kim & DeMets 1987 with rho = 1."""
    return total * share


def nominal_levels(looks: Sequence[int], cap: int, total: float, spending: Spending = linear) -> tuple[float, ...]:
    """Return the two-sided level of each look, in runs, so that equal networks are ever called different with `total`.

    The statistic at a look is a sum of as many independent normal variables as there are seeds. `cap` is the number of
    seeds at which everything is spent; looks need not reach it.

    Raises: ValueError, when the looks do not increase or exceed the cap.

    >>> [round(level, 5) for level in nominal_levels(range(3, 6), 20, 0.0375)]
    [0.00562, 0.00368, 0.00388]
    """
    counts = list(looks)
    if counts != sorted(set(counts)) or not counts or counts[0] < 1 or counts[-1] > cap:
        raise ValueError(f"looks are {counts}; expected increasing numbers of seeds, from 1 to {cap}")
    levels: list[float] = []
    density, nodes, weights = np.ones(1), np.zeros(1), np.ones(1)  # of the sum before the first seed: at 0
    seeds, spent = 0, 0.0
    for count in counts:
        sd, increment = (count - seeds) ** 0.5, spending(total, count / cap) - spent
        bound = _bound(density * weights, nodes, sd, increment)
        levels.append(float(2 * scipy.special.ndtr(-bound / count**0.5)))
        edge = min(bound, WIDEST * count**0.5)
        x, w = _quadrature(edge)
        kernel = np.exp(-0.5 * ((x[:, None] - nodes) / sd) ** 2) / (sd * (2 * np.pi) ** 0.5)
        density, nodes, weights = kernel @ (density * weights), x, w
        seeds, spent = count, spent + increment
    return tuple(levels)


def crossing_probability(looks: Sequence[int], level: float | Sequence[float]) -> float:
    """Return how often equal networks are called different if each look tests at this two-sided level, or at its own.

    Source: Armitage, McPherson & Rowe 1969, Table 2, of which the example is.

    >>> round(crossing_probability([1, 2], 0.05), 3), round(crossing_probability(range(1, 6), 0.05), 3)
    (0.083, 0.142)
    """
    levels = [level] * len(looks) if isinstance(level, float | int) else list(level)
    crossed = 0.0
    density, nodes, weights = np.ones(1), np.zeros(1), np.ones(1)
    seeds = 0
    for count, of_look in zip(looks, levels, strict=True):
        sd, edge = (count - seeds) ** 0.5, float(-scipy.special.ndtri(of_look / 2)) * count**0.5
        mass = density * weights
        crossed += float(mass @ (scipy.special.ndtr((-edge - nodes) / sd) + scipy.special.ndtr((nodes - edge) / sd)))
        x, w = _quadrature(min(edge, WIDEST * count**0.5))
        kernel = np.exp(-0.5 * ((x[:, None] - nodes) / sd) ** 2) / (sd * (2 * np.pi) ** 0.5)
        density, nodes, weights, seeds = kernel @ mass, x, w, count
    return crossed


def _bound(mass: npt.NDArray[np.float64], nodes: npt.NDArray[np.float64], sd: float, increment: float) -> float:
    """Return the absolute sum that is reached or exceeded with probability `increment` at this look."""

    def excess(bound: float) -> float:
        return (
            float(mass @ (scipy.special.ndtr((-bound - nodes) / sd) + scipy.special.ndtr((nodes - bound) / sd)))
            - increment
        )

    widest = float(np.abs(nodes).max()) + WIDEST * sd
    if excess(0.0) <= 0:
        return 0.0
    return widest if excess(widest) >= 0 else float(scipy.optimize.brentq(excess, 0.0, widest, xtol=1e-12))


def _quadrature(edge: float) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    x, w = _legendre()
    return x * edge, w * edge


@lru_cache(maxsize=1)
def _legendre() -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    x, w = np.polynomial.legendre.leggauss(NODES)
    return x, w


@lru_cache(maxsize=64)
def _table(looks: tuple[int, ...], cap: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return totals on the normal scale and, for each, the levels of all looks on the same scale."""
    scores = np.linspace(scipy.special.ndtri(SMALLEST), scipy.special.ndtri(LARGEST), TABULATED)
    levels = np.array([nominal_levels(looks, cap, float(scipy.special.ndtr(score))) for score in scores])
    return scores, scipy.special.ndtri(np.clip(levels, 1e-300, 1 - 1e-16))


def level_at(looks: tuple[int, ...], cap: int, place: int, total: float) -> float:
    """Return the level of the look at `place`, for any total, from a table that is computed once.

    >>> looks = tuple(range(3, 21))
    >>> abs(level_at(looks, 20, 4, 0.0375) / nominal_levels(looks, 20, 0.0375)[4] - 1) < 0.002
    True
    """
    scores, levels = _table(looks, cap)
    wanted = float(scipy.special.ndtri(min(max(total, SMALLEST), LARGEST)))
    return float(scipy.special.ndtr(np.interp(wanted, scores, levels[:, place])))


def least_total(reached: Callable[[float], bool]) -> float:
    """Return the least total at which a decision is reached, as it then is at every larger one; 1 if it is at none.

    >>> round(least_total(lambda total: total > 0.02), 6), least_total(lambda total: False)
    (0.02, 1.0)
    """
    low, high = log(SMALLEST), log(LARGEST)
    if not reached(exp(high)):
        return 1.0
    if reached(exp(low)):
        return SMALLEST
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (low, middle) if reached(exp(middle)) else (middle, high)
    return exp(high)
