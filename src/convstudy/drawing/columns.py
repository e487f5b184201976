"""All layers, one line each, wrapped into the number of columns that makes their text largest on a page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate, groupby, pairwise

from convstudy.drawing.flow import Chain, Flow, Fork, Frame, Leaf, Measured, Tangle
from convstudy.drawing.fonts import text_width
from convstudy.drawing.labels import by
from convstudy.drawing.layers import Layers
from convstudy.drawing.scene import Line, Rect, Scene, Text, middle

PAGE = (700.0, 990.0)
MOST = 12  # columns
TURNED = 16.0  # at the left of a column, for names of stages that read upwards
BESIDE = 11.0  # around those that do not: between the lines of columns, the name, the mark of the stage and its layers
SIZE = 10.5
MARGIN = 14.0  # around the whole picture


@dataclass(frozen=True)
class Row:
    """A part with its stage, that is, the resolution of its result; `turned` if the names of stages read upwards."""

    part: Measured
    stage: str = ""
    turned: bool = False

    @property
    def margin(self) -> float:
        """Return the width that the name of the stage takes."""
        if self.turned or not self.stage:
            return TURNED
        return max(text_width(self.stage, SIZE, wide=True) + BESIDE, TURNED)


def rows(parts: Sequence[Measured], layers: Layers, *, turned: bool) -> list[Row]:
    """Return parts with their stages; a side branch is in that of the part which it leaves after."""
    found: list[Row] = []
    for part in parts:
        if isinstance(part, Fork) and part.open and found:
            stage = found[-1].stage
        else:
            resolution = layers[_last(part)].resolution
            several = by(resolution) if len(resolution) > 1 else f"{resolution[0] if resolution else 1} tokens"
            stage = several if max(resolution, default=1) > 1 else ""
        found.append(Row(part, stage, turned))
    return found


@dataclass
class Column:
    """Rows one below the other."""

    rows: list[Row] = field(default_factory=list)

    @property
    def parts(self) -> list[Measured]:
        return [row.part for row in self.rows]

    @property
    def margin(self) -> float:
        return max((row.margin for row in self.rows), default=0)

    @property
    def left(self) -> float:
        return max((part.left for part in self.parts), default=0)

    @property
    def right(self) -> float:
        return max((part.right for part in self.parts), default=0)

    @property
    def width(self) -> float:
        return self.margin + self.left + self.right

    @property
    def height(self) -> float:
        return sum(part.height for part in self.parts)


def wrapped(found: Sequence[Row], width: float | None, *, head: float, lane: float) -> list[Column]:
    """Return the columns in which the text is largest on a page or, with a width, the lowest that fit it."""
    ways = [_balanced(found, number) for number in range(1, MOST + 1)]

    def badness(way: list[Column]) -> tuple[float, float]:
        wide, tall = _extent(way, head, lane)
        if width is not None:
            return max(wide / width, 1), tall
        return max(wide / PAGE[0], tall / PAGE[1], 1), len(way)

    return min(ways, key=badness)


def page_font(found: Sequence[Row], *, head: float, lane: float) -> float:
    """Return the size of the text in px when all parts, in columns, are fitted into a page."""
    wide, tall = _extent(wrapped(found, None, head=head, lane=lane), head, lane)
    return SIZE / max((wide + 2 * MARGIN) / PAGE[0], (tall + 2 * MARGIN) / PAGE[1], 1)


def _extent(found: Sequence[Column], head: float, lane: float) -> tuple[float, float]:
    """Return the width and the height of columns below a head."""
    wide = sum(column.width for column in found) + 2 * lane * (len(found) - 1)
    return wide, max(column.height for column in found) + head


def _balanced(found: Sequence[Row], number: int) -> list[Column]:
    """Break rows into at most a number of columns, so that the tallest is as low as possible."""
    heights = [row.part.height for row in found]
    low, high = max(heights), sum(heights)
    for _ in range(16):
        half = (low + high) / 2
        if len(_breaks(heights, half)) > number:
            low = half
        else:
            high = half
    starts = _breaks(heights, high)
    return [Column(list(found[start:end])) for start, end in pairwise([*starts, len(found)])]


def _breaks(heights: Sequence[float], tall: float) -> list[int]:
    """Return the first part of each column of at most a height."""
    starts, used = [0], 0.0
    for number, height in enumerate(heights):
        if used and used + height > tall + 1e-6:
            starts.append(number)
            used = 0
        used += height
    return starts


def draw(
    scene: Scene,
    every: Sequence[Row],
    flow: Flow,
    top: float,
    left: float,
    width: float | None,
) -> tuple[float, float]:
    """Draw all layers in columns; return the right and lower ends."""
    lane = flow.style.lane
    found = wrapped(every, width, head=top + 24, lane=lane)
    entry: list[int] = []
    x, foot = left, top
    before: tuple[float, float] | None = None
    for column in found:
        axis = x + column.margin + column.left
        y = top + (10 if len(found) > 1 else 0)
        if before is not None:
            beside = x - lane
            points = (
                before,
                (before[0], before[1] + 8),
                (beside, before[1] + 8),
                (beside, top),
                (axis, top),
                (axis, y),
            )
            scene.add(Line(points, "line"))
        _stages(scene, column, x, y)
        entry = flow.draw(Chain(0, 0, 0, column.parts), axis, y, entry, scene)
        before = (axis, y + column.height)
        foot = max(foot, before[1] + (8 if column is not found[-1] else 0))
        x += column.width + lane * 2
    return x - lane * 2, foot


def _stages(scene: Scene, column: Column, x: float, y: float) -> None:
    """Mark at the left of a column which parts have which resolution."""
    right = x + column.margin - 4
    feet = [0.0, *accumulate(part.height for part in column.parts)]
    for stage, group in groupby(enumerate(column.rows), key=lambda numbered: numbered[1].stage):
        numbers = [number for number, _ in group]
        start, end = y + feet[numbers[0]] + 7, y + feet[numbers[-1] + 1]
        if not stage:
            continue
        scene.add(Rect(right, start, 1.4, end - start, "rule"))
        if not column.rows[0].turned:
            scene.add(Text(right - 3, middle((start + end) / 2, SIZE), stage, SIZE, "muted", "end"))
        elif text_width(stage, SIZE) + 2 <= end - start:
            scene.add(Text(right - 3, (start + end) / 2, stage, SIZE, "muted", "middle", rotated=True))


def _last(part: Measured) -> int:
    if isinstance(part, Leaf):
        return part.number
    if isinstance(part, Fork):
        if part.join is not None:
            return part.join.number
        return _last(part.branches[0][1])
    if isinstance(part, Frame):
        return _last(part.chain)
    if isinstance(part, Chain):
        return _last(part.parts[-1])
    assert isinstance(part, Tangle)
    return part.last
