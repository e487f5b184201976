"""The overview: a network as a row of volumes, whose height follows the feature map and whose width the channels.

Thickness is 3 + 1.15·√channels, height 8 + 6·√(image height), depth 0.32·(8 + 6·√(image width)) at 35 degrees; a vector
is a bar 2.7 thick and 12 + 1.1·√units high, tokens count as an image of √tokens. Pooling is a thin slab. All are
multiplied by one factor per picture: 1 or, if all are small, up to 1.7.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import cos, radians, sin, sqrt

from convstudy.drawing.blocks import Element, Kind, Run
from convstudy.drawing.flow import MARKED, is_resized, label_width
from convstudy.drawing.labels import by, details, operation
from convstudy.drawing.layers import Layer, Layers
from convstudy.drawing.scene import Circle, Group, Line, Polygon, Rect, Scene, Text, middle
from convstudy.drawing.series import Parallel

Colour = Callable[[Layer], str]

SMALL = 9.5
NAME = 9.8
ANGLE = radians(35)
SLAB = 4.0  # thickness of a pooling layer
BAR = 2.7  # thickness of a vector, so that the dense layers of small networks do not take most of the width
TALL = 84.0  # height up to which small volumes are enlarged, all by the same factor
LARGEST_SCALE = 1.7
BETWEEN = 13.0  # least length of an arrow
WIDEST = 44.0  # by which a column is widened to fill its row
WRAP = 6.0  # of the line to the next row, beyond the columns
SHADOW = 3.2
BADGE = 6.6
ONE_LINE = 74.0  # width of a name that is not broken
REMARK = 11.0  # height of a line of a remark
TRACK = 40.0  # length of the bar of the largest share


def thickness(channels: int) -> float:
    """Return the extent of a volume along the way."""
    return 3 + 1.15 * sqrt(channels)


def height(side: float) -> float:
    """Return the height of a volume."""
    return 8 + 6 * sqrt(side)


@dataclass(frozen=True)
class Volume:
    """A tensor as a box in oblique projection."""

    thickness: float
    height: float
    across: float  # of its depth, to the right
    up: float

    @property
    def width(self) -> float:
        return self.thickness + self.across

    def scaled(self, scale: float) -> Volume:
        """Return the box at the scale of a picture."""
        return Volume(self.thickness * scale, self.height * scale, self.across * scale, self.up * scale)


def volume(layer: Layer) -> Volume:
    """Return the box of a layer's result."""
    shape = layer.shape
    if len(shape) < 2 or max(shape[1:]) == 1:
        if layer.kind == "pool":
            return _cuboid(thickness(layer.channels), 1, 1)
        return Volume(BAR, 12 + 1.1 * sqrt(layer.channels), 1.3, 0.9)
    if len(shape) == 2:
        return _cuboid(thickness(shape[1]), sqrt(shape[0]), sqrt(shape[0]))
    thick = SLAB if layer.kind == "pool" else thickness(layer.channels)
    return _cuboid(thick, shape[-2], shape[-1])


def _cuboid(thick: float, rows: float, columns: float) -> Volume:
    depth = 0.32 * height(columns)
    return Volume(thick, height(rows), depth * cos(ANGLE), depth * sin(ANGLE))


@dataclass
class Column:
    """What is drawn above one label: volumes that touch, or one with shadows for the repetitions of a block."""

    runs: list[Run]
    volumes: list[Volume]
    kind: Kind | None
    name: str
    shape: str
    share: float
    repeats: int = 1
    residual: str = ""  # solid, dashed or empty
    shadows: int = 0
    lines: list[str] = field(default_factory=list)
    sides: list[tuple[Kind, float]] = field(default_factory=list)  # branches that leave after it, and their shares
    bar: float = 0  # length of the bar of its share
    remarks: list[str] = field(default_factory=list)  # lines

    @property
    def mark(self) -> float:
        """Return the width of the volumes."""
        touching = sum(volume.thickness for volume in self.volumes[:-1])
        return touching + self.volumes[-1].width + self.shadows * SHADOW

    @property
    def reach(self) -> float:
        return max(*(volume.height / 2 for volume in self.volumes), 18 + 2 * BADGE if self.sides else 0)

    @property
    def top(self) -> float:
        arc = 9 if self.residual else 0
        return max(volume.height / 2 + volume.up for volume in self.volumes) + arc

    @property
    def percents(self) -> str:
        """Return its share, and those of the branches that leave after it, as text; empty if all are below 0.5%."""
        shares = [("", self.share), *((f"{kind.letter} ", share) for kind, share in self.sides)]
        return ", ".join(f"{letter}{100 * share:.0f}%" for letter, share in shares if share >= 0.005)

    @property
    def width(self) -> float:
        badge = 2 * BADGE + 2 if self.kind else 0
        names = max((label_width(line, NAME) for line in self.lines), default=0) + badge
        side = 10.0 if self.residual else 0.0
        side += 2 * (2 * BADGE + 2) * len(self.sides)
        remarks = max((label_width(line, SMALL) + 7 for line in self.remarks), default=0)
        return max(
            self.mark + side + BETWEEN,
            names + 5,
            label_width(self.shape, SMALL) + 5,
            self.bar + 6,
            remarks,
            label_width(self.percents, SMALL) + 5,
        )


def columns(runs: Sequence[Run], kinds: Sequence[Kind], layers: Layers, measure: str) -> list[Column]:
    """Return the columns of an overview; consecutive layers with equal text and result share one."""
    made: list[Column] = []
    whole = max(layers.totals.get(measure, 0), 1)
    for run in runs:
        element = run.elements[0]
        layer = layers[run.last]
        share = run.cost(layers, measure) / whole
        kind = next((kind for kind in kinds if any(use is element for use in kind.uses)), None)
        name = operation([layer]) if kind is None else ""
        stride = max(layer.node.stride, default=1)
        if kind is None and stride > 1:
            name += f" /{stride}"
        before = made[-1] if made else None
        if element.side and kind is not None and before is not None:
            before.sides.append((kind, share))
            continue
        if before and kind is None and _continues(before, name, layer, layers):
            before.runs.append(run)
            before.volumes.append(volume(layer))
            before.share += share
            before.repeats += 1
        else:
            times = len(run.elements)
            made.append(
                Column([run], [volume(layer)], kind, name, by(layer.shape), share, times,
                       _residual(element, layers), min(times - 1, 2), remarks=_remarks(run, layers))
            )  # fmt: skip
    largest = max((column.share for column in made), default=0)
    tallest = max(volume.height for column in made for volume in column.volumes)
    scale = min(max(TALL / tallest, 1), LARGEST_SCALE)
    for column in made:
        column.volumes = [volume.scaled(scale) for volume in column.volumes]
        column.lines = _lines(column)
        column.bar = max(TRACK * column.share / largest, 0.8) if column.share > 0 else 0
    return made


def _continues(before: Column, name: str, layer: Layer, layers: Layers) -> bool:
    last = layers[before.runs[-1].last]
    alike = before.kind is None and before.name == name and last.shape == layer.shape
    if layer.number in layers.remarks or last.number in layers.remarks:
        return False
    return alike and layer.kind == "conv" and layer.sources == (last.number,)


def _remarks(run: Run, layers: Layers) -> list[str]:
    """Return what is wrong about the layers of a column, as lines: what, the right value, and the claimed one."""
    lines = []
    for element in run.elements:
        for number in element.numbers:
            for remark in layers.remarks.get(number, ()):
                about = f"{remark.row}: {remark.about}" if element.is_block else remark.about
                lines += [about, remark.right, f"not {remark.claimed}"]
    return lines


def _lines(column: Column) -> list[str]:
    if column.kind is not None:
        return [f"×{column.repeats}" if column.repeats > 1 else ""]
    text = f"{column.repeats}× {column.name}" if column.repeats > 1 else column.name
    words = text.split(" ")
    if len(words) == 1 or label_width(text, NAME) < ONE_LINE:
        return [text]
    splits = [(" ".join(words[:at]), " ".join(words[at:])) for at in range(1, len(words))]
    return list(min(splits, key=lambda split: max(label_width(line, NAME) for line in split)))


def _residual(element: Element, layers: Layers) -> str:
    """Return whether a block has a shortcut around it, and which: solid for the identity, dashed for a projection."""
    for item, join in pairwise(element.series):
        if isinstance(item, Parallel) and isinstance(join, int) and layers[join].symbol == "+":
            if () not in item.branches:
                return "dashed" if len(item.branches) == 2 else ""
            return "dashed" if is_resized(item, layers[join], layers) else "solid"
    return ""


def rows(made: Sequence[Column], width: float) -> list[list[Column]]:
    """Break columns into as few rows as fit a width, balanced."""
    total = len(_broken(made, width))
    low, high = max(column.width for column in made), width
    for _ in range(12):
        half = (low + high) / 2
        if len(_broken(made, half)) > total:
            low = half
        else:
            high = half
    return _broken(made, high)


def _broken(made: Sequence[Column], width: float) -> list[list[Column]]:
    found: list[list[Column]] = [[]]
    used = 0.0
    for column in made:
        if found[-1] and used + column.width > width:
            found.append([])
            used = 0
        found[-1].append(column)
        used += column.width
    return found


def draw(
    made: Sequence[Column], layers: Layers, scene: Scene, left: float, top: float, width: float, colour: Colour
) -> float:
    """Draw rows of columns; return the height that they take."""
    y = top
    before: Column | None = None
    end, edge = (0.0, 0.0), left
    for number, row in enumerate(rows(made, width)):
        axis, below = y + max(column.top for column in row), max(column.reach for column in row)
        spare = min((width - sum(column.width for column in row)) / len(row), WIDEST)
        x = left
        if number:
            lane = y - 9
            points = (end, (edge, end[1]), (edge, lane), (left - WRAP, lane), (left - WRAP, axis))
            scene.add(Line(points, "line"))
            end = (left - WRAP, axis)
        lines = max(len(column.lines) for column in row)
        label = axis + below + 14
        for column in row:
            wide = column.width + spare
            start = x + (wide - column.mark) / 2
            if before is not None:
                scene.add(Line((end, (start, axis)), "line", arrow=True))
                scene.edges.add((before.runs[-1].last, column.runs[0].elements[0].first))
            _column(scene, column, start, axis, layers, colour)
            for place, (kind, _) in enumerate(column.sides):
                at = start + column.mark + 2 + BADGE + (2 * BADGE + 2) * place
                scene.add(Line(((at, axis), (at, axis + 17)), "line", arrow=True), badge(kind, at, axis + 17 + BADGE))
            _labels(scene, column, x + wide / 2, label, lines)
            end = (start + column.mark, axis)
            x += wide
            before = column
        remarks = max(len(column.remarks) for column in row)
        y = label + (lines - 1) * 11 + 12 + 20 + 20 + (remarks * REMARK + 8 if remarks else 0)
        edge = x
    return y - 20 - top


def _column(scene: Scene, column: Column, x: float, axis: float, layers: Layers, colour: Colour) -> None:
    if column.residual:
        _arc(scene, column, x, axis)
    at = x
    for before, after in pairwise(column.runs):
        scene.edges.add((before.last, after.last))  # drawn as volumes that touch
    for run, box in zip(column.runs, column.volumes, strict=True):
        layer = layers[run.last]
        name = colour(run.as_layer(layers))
        marks: list[Polygon] = []
        for shadow in range(column.shadows, -1, -1):
            marks += _faces(box, at + shadow * SHADOW, axis, name, marked=bool(column.remarks))
        title = details(layer) if not column.kind else f"{column.kind.name} ×{column.repeats}: {column.shape}"
        scene.add(Group(title, tuple(marks)))
        scene.boxes.append((at, axis - box.height / 2, at + box.thickness, axis + box.height / 2))
        at += box.thickness


def _faces(box: Volume, x: float, axis: float, name: str, *, marked: bool) -> list[Polygon]:
    top, foot, right = axis - box.height / 2, axis + box.height / 2, x + box.thickness
    edge, line = ("mark", MARKED) if marked else (f"{name}-edge", 0.7)
    front = ((x, top), (right, top), (right, foot), (x, foot))
    lid = ((x, top), (x + box.across, top - box.up), (right + box.across, top - box.up), (right, top))
    side = ((right, top), (right + box.across, top - box.up), (right + box.across, foot - box.up), (right, foot))
    return [
        Polygon(lid, f"{name}-top", edge, line),
        Polygon(side, f"{name}-side", edge, line),
        Polygon(front, name, edge, line),
    ]


def _arc(scene: Scene, column: Column, x: float, axis: float) -> None:
    peak = axis - column.top + 1.5
    left, right = x - 6, x + column.mark + 6
    points = ((left, axis), (left, peak), (right, peak), (right, axis))
    scene.add(Line(points, "shortcut", width=1.1, dashed=column.residual == "dashed"))


def _labels(scene: Scene, column: Column, x: float, y: float, lines: int) -> None:
    shape = y + 11 * (lines - 1) + 12
    y += 11 * (lines - len(column.lines))
    if column.kind is not None:
        text = column.lines[0]
        wide = 2 * BADGE + (3 + Text(0, 0, text, NAME, bold=True).width if text else 0)
        centre = x - wide / 2 + BADGE
        scene.add(badge(column.kind, centre, y - 3.4))
        if text:
            scene.add(Text(centre + BADGE + 3, y, text, NAME, bold=True))
    else:
        for number, line in enumerate(column.lines):
            scene.add(Text(x, y + 11 * number, line, NAME, anchor="middle", bold=True))
    y = shape
    scene.add(Text(x, y, column.shape, SMALL, "muted", "middle"))
    if column.bar:
        scene.add(Rect(x - column.bar / 2, y + 5, column.bar, 4, "bar"))
    if column.percents:
        scene.add(Text(x, y + 19, column.percents, SMALL, "muted", "middle"))
    for number, line in enumerate(column.remarks):
        scene.add(Text(x, y + 31 + REMARK * number, line, SMALL, "mark", "middle", bold=number % 3 == 1))


def badge(kind: Kind, x: float, y: float) -> Group:
    """Return the letter of a block in a disc."""
    size = 9.5 if len(kind.letter) == 1 else 7.5
    letter = Text(x, middle(y, size), kind.letter, size, "paper", "middle", bold=True)
    return Group(kind.name, (Circle(x, y, BADGE, "ink", "ink"), letter))
