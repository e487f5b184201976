"""The layout of what is neither series nor parallel: in ranks from top to bottom, with right-angled lines in lanes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from convstudy.drawing.scene import Point

START, END = "start", "end"
LANE = 4.0  # between lines that run side by side
CHANNEL = 6.0  # above and below the lanes between two ranks
APART = 10.0  # between the cells of a rank
THROUGH = 3.0  # half the width of a line that passes a rank
SWEEPS = 8

Key = str
Link = tuple[Key, Key]


@dataclass(frozen=True)
class Cell:
    """What is placed: its reach from its axis, and its height."""

    left: float
    right: float
    height: float


@dataclass(frozen=True)
class Placed:
    """The axis and top of each cell, the lines between them, and the reach of it all; the way in is at (0, 0)."""

    places: Mapping[Key, Point]
    lines: tuple[tuple[Point, ...], ...]
    left: float
    right: float
    height: float


def place(cells: Mapping[Key, Cell], links: Sequence[Link]) -> Placed:
    """Place cells, which are given in an order of the run, and the links between them, from START to END.

    >>> boxes = {"a": Cell(10, 10, 20), "b": Cell(10, 10, 20)}
    >>> place(boxes, [("start", "a"), ("start", "b"), ("a", "b"), ("b", "end"), ("a", "end")]).height
    84.0
    """
    rank = _ranks(cells, links)
    last = rank[END]
    ranks: list[list[Key]] = [[] for _ in range(last + 1)]
    for key in (START, *cells, END):
        ranks[rank[key]].append(key)
    sizes = {START: Cell(0, 0, 0), END: Cell(0, 0, 0), **cells}
    pieces: list[Link] = []
    for source, target in links:
        before = source
        for between in range(rank[source] + 1, rank[target]):
            through = f"{source} at {between}"  # links from one cell share their line
            if through not in sizes:
                sizes[through] = Cell(THROUGH, THROUGH, 0)
                ranks[between].append(through)
            pieces.append((before, through))
            before = through
        pieces.append((before, target))
    pieces = list(dict.fromkeys(pieces))
    ordered = _ordered(ranks, pieces)
    across = _across(ordered, pieces, sizes)
    return _drawn(ordered, pieces, sizes, across, cells)


def _ranks(cells: Mapping[Key, Cell], links: Sequence[Link]) -> dict[Key, int]:
    rank = dict.fromkeys((START, *cells, END), 0)
    for _ in range(len(cells) + 2):
        before = dict(rank)
        for source, target in links:
            rank[target] = max(rank[target], rank[source] + 1)
        if rank == before:
            break
    return rank


def _ordered(ranks: list[list[Key]], pieces: Sequence[Link]) -> list[list[Key]]:
    """Order each rank by the middle of its neighbours, downwards and upwards in turn."""
    best, fewest = [list(keys) for keys in ranks], _crossings(ranks, pieces)
    for sweep in range(SWEEPS):
        numbers = range(1, len(ranks)) if sweep % 2 == 0 else range(len(ranks) - 2, -1, -1)
        for number in numbers:
            beside = ranks[number - 1 if sweep % 2 == 0 else number + 1]
            place = {key: position for position, key in enumerate(beside)}

            def middle(key: Key, place: dict[Key, int] = place, own: list[Key] = list(ranks[number])) -> float:  # noqa: B006
                near = [place[a] for a, b in pieces if b == key and a in place]
                near += [place[b] for a, b in pieces if a == key and b in place]
                return sum(near) / len(near) if near else own.index(key)

            ranks[number].sort(key=middle)
        crossings = _crossings(ranks, pieces)
        if crossings < fewest:
            best, fewest = [list(keys) for keys in ranks], crossings
    return best


def _crossings(ranks: Sequence[Sequence[Key]], pieces: Sequence[Link]) -> int:
    place = {key: position for keys in ranks for position, key in enumerate(keys)}
    number = {key: position for position, keys in enumerate(ranks) for key in keys}
    return sum(
        number[a] == number[c] and (place[a] - place[c]) * (place[b] - place[d]) < 0
        for at, (a, b) in enumerate(pieces)
        for c, d in pieces[at + 1 :]
    )


def _across(ranks: Sequence[Sequence[Key]], pieces: Sequence[Link], sizes: Mapping[Key, Cell]) -> dict[Key, float]:
    """Return the axis of each cell: as near to the middle of its neighbours as the cells beside it allow."""
    x: dict[Key, float] = {}
    for keys in ranks:
        at = 0.0
        for key in keys:
            x[key] = at + sizes[key].left
            at += sizes[key].left + sizes[key].right + APART
        for key in keys:
            x[key] -= (at - APART) / 2
    for sweep in range(SWEEPS):
        for keys in ranks if sweep % 2 == 0 else reversed(ranks):
            wanted = {}
            for key in keys:
                near = [x[a] for a, b in pieces if b == key] + [x[b] for a, b in pieces if a == key]
                wanted[key] = sum(near) / len(near) if near else x[key]
            least = float("-inf")
            for key in keys:  # from the left, no nearer than the cell before
                wanted[key] = max(wanted[key], least + sizes[key].left)
                least = wanted[key] + sizes[key].right + APART
            shift = sum(x[key] - wanted[key] for key in keys) / len(keys) if len(keys) > 1 else 0
            for key in keys:
                x[key] = wanted[key] + shift * 0.5
    x = {key: x[key] - x[START] for key in x}
    return x


def _drawn(
    ranks: Sequence[Sequence[Key]],
    pieces: Sequence[Link],
    sizes: Mapping[Key, Cell],
    x: dict[Key, float],
    cells: Mapping[Key, Cell],
) -> Placed:
    x[END] = 0
    y = 0.0
    places: dict[Key, Point] = {}
    lines: list[tuple[Point, ...]] = []
    for number, keys in enumerate(ranks):
        tall = max(sizes[key].height for key in keys)
        for key in keys:
            places[key] = (x[key], y)
        foot = y + tall
        leaving = [key for key in keys if any(a == key for a, _ in pieces)]
        moving = [key for key in leaving if any(a == key and abs(x[b] - x[key]) > 0.05 for a, b in pieces)]
        lane = {key: foot + CHANNEL + LANE * place for place, key in enumerate(moving)}
        below = foot + CHANNEL * 2 + LANE * max(len(moving) - 1, 0)
        if number == len(ranks) - 1:
            below = foot
        for a, b in pieces:
            if a in keys:
                start = (x[a], y + sizes[a].height)
                if abs(x[b] - x[a]) > 0.05:
                    lines.append((start, (x[a], lane[a]), (x[b], lane[a]), (x[b], below)))
                else:
                    lines.append((start, (x[b], below)))
        y = below
    left = max(-x[key] + sizes[key].left for key in sizes)
    right = max(x[key] + sizes[key].right for key in sizes)
    return Placed({key: places[key] for key in cells}, tuple(lines), left, right, y)
