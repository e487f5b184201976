"""Shapes whose extents stand in columns of their own: `Output W`, `Output H`, `Output C`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from convstudy.claims.cell_text import plain_text
from convstudy.claims.grid import Grid
from convstudy.claims.printed_number import NOTHING

AXES = {
    "height": r"h|height|rows|höhe|hauteur|alto|altura|高度?",
    "width": r"w|width|cols|columns|breite|largeur|ancho|largura|宽度?",
    "channels": r"c|d|ch|channels?|depth|maps|features|filters|tiefe|kanäle|canaux|canales|canais|通道数?",
}
SIDES = {
    "Output shape": r"out(?:put)?|ausgabe|sortie|salida|saída|输出",
    "Input shape": r"in(?:put)?|eingabe|entr[ée]e|entrada|输入",
}


def with_joined_axes(grid: Grid) -> Grid:
    """Return a grid in which columns for height, width and channels of one side are one column of shapes.

    >>> grid = Grid(("layer", "Output H", "Output W", "Output C"), (("conv", "28", "28", "6"),))
    >>> with_joined_axes(grid).header, with_joined_axes(grid).rows
    (('layer', 'Output shape'), (('conv', '28x28x6'),))
    """
    if grid.printed_by is not None:
        return grid
    for name, words in SIDES.items():
        places = axes_of(grid.header, words)
        if places.keys() >= {"height", "width"}:
            grid = joined(grid, name, [places[axis] for axis in AXES if axis in places])
    return grid


def axes_of(header: Sequence[str], words: str) -> dict[str, int]:
    """Return the columns of the axes of one side."""
    found: dict[str, int] = {}
    for number, name in enumerate(header):
        text = " ".join(re.sub(r"[_\-/()\[\].]", " ", name.lower()).split())
        for axis, pattern in AXES.items():
            if re.fullmatch(rf"(?:{words})\s?(?:{pattern})|(?:{pattern})\s?(?:{words})", text):
                found.setdefault(axis, number)
    return found


def joined(grid: Grid, name: str, places: Sequence[int]) -> Grid:
    first, rest = min(places), set(places)
    kept = [number for number in range(len(grid.header)) if number not in rest or number == first]
    header = tuple(name if number == first else grid.header[number] for number in kept)
    rows = tuple(tuple(shape(row, places) if number == first else row[number] for number in kept) for row in grid.rows)
    return replace(grid, header=header, rows=rows)


def shape(row: Sequence[str], places: Sequence[int]) -> str:
    """Return the extents of a row as one shape, without those that are not stated."""
    cells = [plain_text(row[place]) for place in places]
    return "x".join(cell for cell in cells if cell.casefold() not in NOTHING)
