"""A comparison of fixed size to which seeds were added after its results had been seen.

The first look tests at the full level, because nobody knew of a second one. Each later look tests at the level that all
looks so far would need to keep 5% together if each tested at it (Pocock 1977), and its p-value is adjusted in the same
way. Somebody who adds seeds until a difference is shown errs more often than 5%, because the first look has used all of
it: how often is computed, and told (Sagarin, Ambler & Lee 2014 on samples that are enlarged after a look).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import scipy

from convstudy.statistics.spending import crossing_probability

LEVEL = 0.05
FEWEST = 2  # seeds per network with which anything is said about networks


@dataclass(frozen=True)
class Looks:
    """The numbers of seeds per network at which results were seen, in increasing order, the present one last.

    >>> Looks((3,)).level, round(Looks((3, 5)).level, 4), round(Looks((3, 5)).total, 3)
    (0.05, 0.0307, 0.066)
    """

    seeds: tuple[int, ...]

    @classmethod
    def of(cls, seeds: Sequence[int]) -> Looks:
        """Return the looks at these numbers of seeds; one seed is none, because it shows nothing about networks."""
        return cls(tuple(sorted({count for count in seeds if count >= FEWEST})))

    @property
    def level(self) -> float:
        """The level of the present look."""
        return _pocock(self.seeds)

    @property
    def total(self) -> float:
        """How often equal networks are called different at any of the looks, each at the level that it had."""
        if len(self.seeds) < 2:
            return LEVEL
        return crossing_probability(self.seeds, [_pocock(self.seeds[: 1 + place]) for place in range(len(self.seeds))])

    def adjusted(self, p_value: float) -> float:
        """Return a p-value of the present look adjusted for all of them: below 0.05 if it was below the level.

        >>> Looks((3,)).adjusted(0.04), round(Looks((3, 5)).adjusted(0.04), 3)
        (0.04, 0.064)
        """
        if len(self.seeds) < 2 or p_value <= 0:
            return p_value
        return min(max(crossing_probability(self.seeds, p_value), p_value), 1.0)

    def adjusted_one_sided(self, p_value: float) -> float:
        """Return the same for a one-sided p-value."""
        return self.adjusted(2 * p_value) / 2 if p_value < 0.5 else p_value


@lru_cache(maxsize=256)
def _pocock(seeds: tuple[int, ...]) -> float:
    """Return the level at which each of the looks would keep the total (Pocock 1977)."""
    if len(seeds) < 2:
        return LEVEL
    return float(
        scipy.optimize.brentq(
            lambda level: crossing_probability(seeds, level) - LEVEL, LEVEL / len(seeds), LEVEL, xtol=1e-9
        )
    )
