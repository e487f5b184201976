"""Learning-rate grids: parsing, validation and formatting."""

from __future__ import annotations

import math
from collections.abc import Iterable

from convstudy.errors import StudyError

EXPECTED = "two or more numbers above 0, each once, as in 0.01,0.03,0.1"


def read_grid(text: str) -> tuple[float, ...]:
    """Parse comma-separated learning rates and sort them. Raises: StudyError, if they are not a valid grid.

    >>> read_grid("0.1,0.01, 3e-2")
    (0.01, 0.03, 0.1)
    """
    try:
        return sorted_grid([float(part) for part in text.split(",")])
    except ValueError:
        raise _wrong(text) from None


def grid_text(lrs: Iterable[float]) -> str:
    """Return a grid as text from which `read_grid` returns the same grid."""
    return ",".join(map(repr, lrs))


def sorted_grid(lrs: Iterable[float]) -> tuple[float, ...]:
    """Return the learning rates in ascending order.

    Raises: StudyError, if there are fewer than two, if one occurs twice or is not a number above 0.
    """
    grid = tuple(sorted(lrs))
    if len(set(grid)) < max(len(grid), 2) or not all(math.isfinite(lr) and lr > 0 for lr in grid):
        raise _wrong(grid_text(grid))
    return grid


def _wrong(text: str) -> StudyError:
    return StudyError(f"lr_grid is '{text}'; expected {EXPECTED}", setting="lr_grid")
