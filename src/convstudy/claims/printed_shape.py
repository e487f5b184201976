"""Printed shapes: `(28,28,8)`, `8x28x28`, `[-1, 8, 28, 28]`, `(120,1)`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from convstudy.claims.cell_text import plain_text
from convstudy.claims.printed_number import NOTHING
from convstudy.errors import ClaimError
from convstudy.wording import shortened

Layout = Literal["channels last", "channels first"]
Shape = tuple[int, ...]
"""Channels first, as in torch: (channels, height, width) of a feature map, (features,) of a vector."""

LARGEST_EXTENT = 10**9
MOST_EXTENTS = 6
IMAGE_CHANNELS = (1, 3)
LAYOUTS: tuple[Layout, Layout] = ("channels first", "channels last")


def read_extents(text: str) -> tuple[int | None, ...] | None:
    """Return the extents in the printed order, None for an unknown batch; None if the cell is empty or a dash.

    Raises:
        ClaimError: if the text is not a shape.

    >>> read_extents("(28,28,8)"), read_extents("8 × 28 × 28"), read_extents("(None, 120)")
    ((28, 28, 8), (8, 28, 28), (None, 120))
    >>> read_extents("float32[1,28,28,32]"), read_extents("24(S) × 24(S) × 20(C) × 1(B)")
    ((1, 28, 28, 32), (24, 24, 20))
    """
    cleaned = plain_text(text).casefold()
    if cleaned in NOTHING or cleaned == "multiple":
        return None
    cleaned = re.sub(r"\s*=\s*\d[\d.,' ]*$", "", cleaned)  # 28x28x8 = 6,272
    cleaned = re.sub(r"^(?:b?float|int|uint)\d+(?=\[)", "", cleaned)
    cleaned = re.sub(r"[x×*✕·]?\s*(?<!\d)\d+\s*\(b\)", "", cleaned)  # MATLAB's batch
    cleaned = re.sub(r"(?<=\d)\s*\([a-z]\)", "", cleaned)
    cleaned = re.sub(r"\\times|[×*✕·]|\bby\b", "x", cleaned)
    cleaned = re.sub(r"\s*@\s*", "x", cleaned)  # 6@28x28, the notation of LeNet-5
    cleaned = re.sub(r"torch\.size", "", cleaned)
    cleaned = re.sub(r"(?<=\d)\s+(?=\d)", ",", cleaned)
    cleaned = re.split(r"\)\s*,\s*\(|\]\s*,\s*\[", cleaned)[0]  # the first of several outputs
    cleaned = re.sub(r"[\s()\[\]]", "", cleaned).strip(",")
    parts = re.split(r"[,x;]", cleaned)
    if len(parts) > MOST_EXTENTS or not all(re.fullmatch(r"-1|none|\?|n|batch|\d{1,10}", part) for part in parts):
        raise ClaimError(f"{shortened(text)!r} is not a shape; expected one like (28,28,8) or 8x28x28")
    extents = tuple(int(part) if part.isdigit() else None for part in parts)
    if any(extent is not None and not 0 < extent <= LARGEST_EXTENT for extent in extents):
        raise ClaimError(f"{shortened(text)!r} is not a shape; every extent must be from 1 to {LARGEST_EXTENT:,}")
    return extents


def without_batch(
    shapes: Sequence[tuple[int | None, ...] | None], *, batched: bool | None = None
) -> list[tuple[int, ...] | None]:
    """Leave out the leading batch: stated by `batched`, else None, or a common first of up to four extents.

    A shape with another open extent is unknown.
    """
    known = [shape for shape in shapes if shape]
    if batched is None:
        longest = max((len(shape) for shape in known), default=0)
        batched = longest >= 4 and len({shape[0] for shape in known}) == 1
        batched = batched or any(shape[0] is None for shape in known)
    plain = []
    for shape in shapes:
        rest = shape[1:] if shape and batched and len(shape) > 1 else shape
        plain.append(tuple(extent for extent in rest if extent is not None) if rest and None not in rest else None)
    return plain


def layout_of(shapes: Sequence[tuple[int, ...] | None]) -> tuple[Layout, str]:
    """Return whether channels are printed last or first, and the reason.

    >>> layout_of([(32, 32, 3), (28, 28, 8)])
    ('channels last', 'the first two extents are the equal ones in 2 of 2 shapes')
    """
    maps = [shape for shape in shapes if shape and len(shape) == 3]
    last = sum(shape[0] == shape[1] != shape[2] for shape in maps)
    first = sum(shape[1] == shape[2] != shape[0] for shape in maps)
    oblong = 2 * max(last, first) <= len(maps)
    if oblong and maps and maps[0][2] in IMAGE_CHANNELS and maps[0][0] not in IMAGE_CHANNELS:
        return "channels last", f"the first shape ends with {maps[0][2]} channels"
    if oblong and maps and maps[0][0] in IMAGE_CHANNELS and maps[0][2] not in IMAGE_CHANNELS:
        return "channels first", f"the first shape begins with {maps[0][0]} channels"
    if last != first:
        layout: Layout = "channels last" if last > first else "channels first"
        pair = "first two" if last > first else "last two"
        return layout, f"the {pair} extents are the equal ones in {max(last, first)} of {len(maps)} shapes"
    if len(maps) > 1 and not last and rises(maps, 2) and not rises(maps, 0):
        return "channels last", "the last extent rises where the others fall"
    return "channels first", "the order of torch, because the shapes do not decide"


def rises(maps: Sequence[tuple[int, ...]], axis: int) -> bool:
    """Return whether an extent is larger in the last map than in the first, as channels usually are."""
    return maps[-1][axis] > maps[0][axis]


def channels_first(shape: tuple[int, ...], layout: Layout, *, vectors: bool = True) -> Shape:
    """Return a shape in torch's order; with `vectors`, `(120,1)` and `(1,1,120)` are a vector of 120 features.

    >>> channels_first((28, 28, 8), "channels last"), channels_first((120, 1), "channels last")
    ((8, 28, 28), (120,))
    """
    if len(shape) == 2 and vectors and 1 in shape:
        return (max(shape),)
    if layout == "channels last" and len(shape) in {2, 3}:
        return (shape[-1], *shape[:-1])
    return shape


def in_layout(shape: Shape, layout: Layout) -> Shape:
    """Return a shape in torch's order as a table of this layout prints it: the inverse of `channels_first`."""
    if len(shape) in {2, 3} and layout == "channels last":
        return (*shape[1:], shape[0])
    return shape


def same_shape(one: Shape, other: Shape) -> bool:
    """Return whether two shapes agree up to extents of one: (512, 1, 1) also prints as (512)."""
    return one == other or ([n for n in one if n != 1] == [n for n in other if n != 1] and 1 in (*one[1:], *other[1:]))
