"""A grid of learning rates, read and checked."""

from __future__ import annotations

import math
from collections.abc import Iterable

from convstudy.errors import StudyError

EXPECTED = "expected two or more numbers above 0, each once, as in 0.01,0.03,0.1"


def read_grid(text: str) -> tuple[float, ...]:
    """Learning rates with commas between them, the smallest first. Raises: StudyError, when they are not a grid.

    >>> read_grid("0.1,0.01, 3e-2")
    (0.01, 0.03, 0.1)
    """
    try:
        return checked_grid([float(part) for part in text.split(",")], text)
    except ValueError:
        raise StudyError(f"--lr-grid is '{text}'; {EXPECTED}") from None


def checked_grid(lrs: Iterable[float], said: object) -> tuple[float, ...]:
    """The smallest first. Raises: StudyError, with what was `said`, when they are not a grid."""
    grid = tuple(sorted(lrs))
    if len(set(grid)) < max(len(grid), 2) or not all(math.isfinite(lr) and lr > 0 for lr in grid):
        raise StudyError(f"--lr-grid is '{said}'; {EXPECTED}")
    return grid
