"""Input shapes as they are typed."""

from __future__ import annotations

from convstudy.errors import ShapeError


def parse_shape(text: str) -> tuple[int, int, int]:
    """Read an input shape, channels x height x width.

    >>> parse_shape("3x224x224")
    (3, 224, 224)
    >>> parse_shape("224")
    Traceback (most recent call last):
    convstudy.errors.ShapeError: --input is '224'; expected channels x height x width, as in 3x32x32
    """
    parts = text.lower().replace("×", "x").split("x")
    if len(parts) == 3 and all(part.strip().isdecimal() and int(part) > 0 for part in parts):
        channels, height, width = (int(part) for part in parts)
        return channels, height, width
    raise ShapeError(f"--input is '{text}'; expected channels x height x width, as in 3x32x32")
