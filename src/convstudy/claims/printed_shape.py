"""A shape as it is printed: `(28,28,8)`, `8x28x28`, `[-1, 8, 28, 28]`, `(120,1)`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from convstudy.claims.printed_number import NOTHING, shortened
from convstudy.errors import ClaimError

Layout = Literal["channels last", "channels first"]
Shape = tuple[int, ...]
"""Channels first, as torch has it: (channels, height, width) of a feature map, (features,) of a vector."""

LARGEST_EXTENT = 10**9


def read_extents(text: str) -> tuple[int | None, ...] | None:
    """The extents in the order they are printed, None for an unknown batch; None where the cell is empty or a dash.

    Raises:
        ClaimError: when the text is no shape.

    >>> read_extents("(28,28,8)"), read_extents("8 × 28 × 28"), read_extents("(None, 120)")
    ((28, 28, 8), (8, 28, 28), (None, 120))
    """
    cleaned = text.strip().casefold()
    if cleaned in NOTHING:
        return None
    cleaned = re.sub(r"\\times|[×*✕]", "x", cleaned)
    cleaned = re.sub(r"\s*@\s*", "x", cleaned)  # LeNet's way: 6@28x28
    cleaned = re.sub(r"torch\.size|[\s()\[\]$]", "", cleaned).strip(",")
    parts = re.split(r"[,x;]", cleaned)
    if len(parts) > 6 or not all(re.fullmatch(r"-1|none|\?|\d{1,10}", part) for part in parts):
        raise ClaimError(f"{shortened(text)!r} is no shape; expected one like (28,28,8) or 8x28x28")
    extents = tuple(None if part in {"-1", "none", "?"} else int(part) for part in parts)
    if any(extent is not None and not 0 < extent <= LARGEST_EXTENT for extent in extents):
        raise ClaimError(f"{shortened(text)!r} is no shape: every extent must be from 1 to {LARGEST_EXTENT:,}")
    return extents


def without_batch(shapes: Sequence[tuple[int | None, ...] | None]) -> list[tuple[int, ...] | None]:
    """Leave out the leading batch where the table prints one: None, or a common first of up to four extents."""
    known = [shape for shape in shapes if shape]
    longest = max((len(shape) for shape in known), default=0)
    batched = longest >= 4 and len({shape[0] for shape in known}) == 1
    batched = batched or any(shape[0] is None for shape in known)
    plain = []
    for shape in shapes:
        rest = shape[1:] if shape and batched and len(shape) > 1 else shape
        if rest and None in rest:
            raise ClaimError(f"the shape {shape} leaves an extent open; only the batch may be None or -1")
        plain.append(tuple(extent for extent in rest if extent is not None) if rest else None)
    return plain


def layout_of(shapes: Sequence[tuple[int, ...] | None]) -> tuple[Layout, str]:
    """Whether channels stand last or first, and the reason in words.

    >>> layout_of([(32, 32, 3), (28, 28, 8)])
    ('channels last', 'the first two extents are the equal ones in 2 of 2 shapes')
    """
    maps = [shape for shape in shapes if shape and len(shape) == 3]
    last = sum(shape[0] == shape[1] != shape[2] for shape in maps)
    first = sum(shape[1] == shape[2] != shape[0] for shape in maps)
    if last != first:
        layout: Layout = "channels last" if last > first else "channels first"
        pair = "first two" if last > first else "last two"
        return layout, f"the {pair} extents are the equal ones in {max(last, first)} of {len(maps)} shapes"
    if maps and maps[0][2] in {1, 3} and maps[0][0] not in {1, 3}:
        return "channels last", f"the first shape ends with {maps[0][2]} channels"
    return "channels first", "torch's order, as the shapes do not tell"


def channels_first(shape: tuple[int, ...], layout: Layout) -> Shape:
    """The shape in torch's order; `(120,1)` and `(1,1,120)` are the vector of 120 features that they print.

    >>> channels_first((28, 28, 8), "channels last"), channels_first((120, 1), "channels last")
    ((8, 28, 28), (120,))
    """
    if len(shape) == 3:
        return (shape[2], shape[0], shape[1]) if layout == "channels last" else shape
    if len(shape) == 2 and 1 in shape:
        return (max(shape),)
    return shape


def in_layout(shape: Shape, layout: Layout) -> Shape:
    """The way back: a shape in torch's order, as the table would print it."""
    if len(shape) == 3 and layout == "channels last":
        return (shape[1], shape[2], shape[0])
    return shape
