"""All layers, one line each, wrapped into the number of columns that makes their text largest on a page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from convstudy.drawing.flow import Chain, Flow, Fork, Frame, Leaf, Measured, Tangle
from convstudy.drawing.labels import by
from convstudy.drawing.layers import Layers
from convstudy.drawing.scene import Line, Rect, Scene, Text

PAGE = (700.0, 990.0)
MOST = 12  # columns
STAGE = 16.0  # at the left of a column, for the stages
SIZE = 10.5
MARGIN = 14.0  # around the whole picture


@dataclass
class Column:
    """Parts one below the other."""

    parts: list[Measured] = field(default_factory=list)

    @property
    def left(self) -> float:
        return max((part.left for part in self.parts), default=0)

    @property
    def right(self) -> float:
        return max((part.right for part in self.parts), default=0)

    @property
    def width(self) -> float:
        return STAGE + self.left + self.right

    @property
    def height(self) -> float:
        return sum(part.height for part in self.parts)


def wrapped(parts: Sequence[Measured], width: float | None, *, head: float, lane: float) -> list[Column]:
    """Return the columns in which the text is largest on a page or, with a width, the lowest that fit it."""
    ways = [_balanced(parts, number) for number in range(1, MOST + 1)]

    def badness(found: list[Column]) -> tuple[float, float]:
        wide, tall = _extent(found, head, lane)
        if width is not None:
            return max(wide / width, 1), tall
        return max(wide / PAGE[0], tall / PAGE[1], 1), len(found)

    return min(ways, key=badness)


def page_font(parts: Sequence[Measured], *, head: float, lane: float) -> float:
    """Return the size of the text in px when all parts, in columns, are fitted into a page."""
    wide, tall = _extent(wrapped(parts, None, head=head, lane=lane), head, lane)
    return SIZE / max((wide + 2 * MARGIN) / PAGE[0], (tall + 2 * MARGIN) / PAGE[1], 1)


def _extent(found: Sequence[Column], head: float, lane: float) -> tuple[float, float]:
    """Return the width and the height of columns below a head."""
    wide = sum(column.width for column in found) + 2 * lane * (len(found) - 1)
    return wide, max(column.height for column in found) + head


def _balanced(parts: Sequence[Measured], number: int) -> list[Column]:
    """Break parts into at most a number of columns, so that the tallest is as low as possible."""
    heights = [part.height for part in parts]
    low, high = max(heights), sum(heights)
    for _ in range(16):
        half = (low + high) / 2
        if len(_breaks(heights, half)) > number:
            low = half
        else:
            high = half
    starts = _breaks(heights, high)
    return [Column(list(parts[start:end])) for start, end in pairwise([*starts, len(parts)])]


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
    parts: Sequence[Measured],
    layers: Layers,
    flow: Flow,
    top: float,
    left: float,
    width: float | None,
) -> tuple[float, float]:
    """Draw all layers in columns; return the right and lower ends."""
    lane = flow.style.lane
    found = wrapped(parts, width, head=top + 24, lane=lane)
    entry: list[int] = []
    x, foot = left, top
    before: tuple[float, float] | None = None
    for column in found:
        axis = x + STAGE + column.left
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
        _stages(scene, column, layers, x, y)
        entry = flow.draw(Chain(0, 0, 0, column.parts), axis, y, entry, scene)
        before = (axis, y + column.height)
        foot = max(foot, before[1] + (8 if column is not found[-1] else 0))
        x += column.width + lane * 2
    return x - lane * 2, foot


def _stages(scene: Scene, column: Column, layers: Layers, x: float, y: float) -> None:
    """Mark at the left of a column which parts have which resolution."""
    spans: list[tuple[tuple[int, ...], float, float]] = []
    for part in column.parts:
        layer = layers[_last(part)]
        end = y + part.height
        if spans and spans[-1][0] == layer.resolution:
            spans[-1] = (layer.resolution, spans[-1][1], end)
        else:
            spans.append((layer.resolution, y + 7, end))
        y = end
    for resolution, start, end in spans:
        if max(resolution, default=1) == 1:
            continue
        text = by(resolution) if len(resolution) > 1 else f"{resolution[0]} tokens"
        scene.add(Rect(x + STAGE - 4, start, 1.4, end - start, "rule"))
        mark = Text(x + STAGE - 7, 0, text, SIZE, "muted", "middle", rotated=True)
        if mark.width + 2 <= end - start:
            scene.add(Text(mark.x, (start + end) / 2, text, SIZE, "muted", "middle", rotated=True))


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
