"""The value that is white in image files of more than 8 bits: one for all files of a data set, by their type and range.

Whole numbers have 8, 12 or 16 significant bits: white is the smallest of these limits that no file of the data set
exceeds. Floats are in 0..1, or have the range of such numbers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from convstudy.data.decoding import White, extrema, is_deep, map_images
from convstudy.data.file_names import seen_from
from convstudy.errors import DataError

INTEGERS = (255.0, 4095.0, 65535.0)
FLOATS = (1.0, *INTEGERS)
TOLERANCE = {1.0: 0.01} | dict.fromkeys(INTEGERS, 0.5)  # of floats, because of rounding
AMBIGUOUS = 2.0  # floats with a maximum from 1 to here could have either range


@dataclass(frozen=True)
class _Range:
    path: Path
    mode: str
    low: float
    high: float


def white_of_files(root: Path, paths: Sequence[Path]) -> White | None:
    """Return the white of image files of more than 8 bits, or None if there are none.

    Files that do not decode are ignored, because decoding reports them.

    Raises: DataError, if the range is ambiguous, has negative values, or exceeds 16 bits.
    """
    ranges = [found for found in map_images(_range, paths) if found]
    integers = [found for found in ranges if found.mode != "F"]
    floats = [found for found in ranges if found.mode == "F"]
    if not ranges:
        return None
    return White(
        _smallest(root, integers, INTEGERS, tolerance=dict.fromkeys(INTEGERS, 0.0)) if integers else 0.0,
        _smallest(root, floats, FLOATS, tolerance=TOLERANCE) if floats else 0.0,
    )


def _range(path: Path, image: Image.Image) -> _Range | None:
    if not is_deep(image.mode):
        return None
    low, high = extrema(image)
    return _Range(path, image.mode, low, high) if np.isfinite((low, high)).all() else None


def _smallest(root: Path, ranges: Sequence[_Range], whites: Sequence[float], *, tolerance: dict[float, float]) -> float:
    lowest, highest = min(ranges, key=lambda found: found.low), max(ranges, key=lambda found: found.high)
    white = next((white for white in whites if highest.high <= white + tolerance[white]), None)
    if white is None:
        raise DataError(
            f"{seen_from(root, highest.path)} has values up to {highest.high:g}; expected at most {whites[-1]:,.0f}"
        )
    if whites is FLOATS and white > 1 and highest.high < AMBIGUOUS:
        raise DataError(
            f"{seen_from(root, highest.path)} has values up to {highest.high:g}; expected 0 to 1, or 0 to 255: divide "
            "all images by the value of white"
        )
    if lowest.low < -tolerance[white]:
        raise DataError(f"{seen_from(root, lowest.path)} has values from {lowest.low:g}; expected 0 or more")
    return white


def white_notes(white: White | None) -> Iterator[str]:
    """Say which value is white in images of more than 8 bits."""
    for kind, value in (("whole numbers", white.integers), ("floats", white.floats)) if white else ():
        if value:
            yield f"images of {kind} with more than 8 bits: white is {value:g}"
