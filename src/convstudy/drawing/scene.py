"""A scene: marks with places and colours, which SVG, PDF and PNG writers draw alike."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from math import hypot
from typing import TypeGuard

from convstudy.drawing.fonts import text_width

Point = tuple[float, float]
Command = tuple[str, Point] | tuple[str, Point, Point]  # move or line to a point; quadratic curve by a control point

CAP_HEIGHT = 0.36  # of the font size: half the height of a capital, by which a baseline is below the middle
ARROW = 4.2  # length of an arrow's head
DASHES = (3.2, 2.4)


@dataclass(frozen=True)
class Polygon:
    """A closed outline; `fill` and `stroke` are names of colours, empty for none."""

    points: tuple[Point, ...]
    fill: str
    stroke: str = ""
    width: float = 0.8
    opacity: float = 1


@dataclass(frozen=True)
class Rect:
    """A rectangle with rounded corners."""

    x: float
    y: float
    width: float
    height: float
    fill: str
    stroke: str = ""
    radius: float = 0
    stroke_width: float = 0.8
    dashed: bool = False


@dataclass(frozen=True)
class Circle:
    """A circle with a sign in it, drawn as lines: plus, times or nothing."""

    x: float
    y: float
    radius: float
    fill: str
    stroke: str
    sign: str = ""


@dataclass(frozen=True)
class Line:
    """A line along right-angled points, its corners rounded; `arrow` gives its end a head."""

    points: tuple[Point, ...]
    stroke: str
    width: float = 1
    dashed: bool = False
    arrow: bool = False
    radius: float = 3.5
    dashes: tuple[float, ...] = ()  # other than those of `dashed`

    @property
    def pattern(self) -> tuple[float, ...]:
        """Return the lengths of dashes and gaps, in turn; empty for a solid line."""
        return self.dashes or (DASHES if self.dashed else ())


@dataclass(frozen=True)
class Text:
    """One line of text; `anchor` is start, middle or end. If `rotated`, it reads upwards."""

    x: float
    y: float
    text: str
    size: float
    fill: str = "ink"
    anchor: str = "start"
    bold: bool = False
    rotated: bool = False

    @property
    def width(self) -> float:
        return text_width(self.text, self.size, bold=self.bold)

    def box(self, *, wide: bool = False) -> tuple[float, float, float, float]:
        """Return left, top, right and bottom in Helvetica or, if `wide`, in DejaVu Sans."""
        width = text_width(self.text, self.size, bold=self.bold, wide=wide)
        start = {"start": 0.0, "middle": width / 2, "end": width}[self.anchor]
        if self.rotated:
            return self.x - 0.72 * self.size, self.y + start - width, self.x + 0.21 * self.size, self.y + start
        return self.x - start, self.y - 0.72 * self.size, self.x - start + width, self.y + 0.21 * self.size


Mark = Polygon | Rect | Circle | Line | Text


@dataclass(frozen=True)
class Group:
    """Marks that are one thing, and what a reader sees when pointing at it; a page finds it by its name."""

    title: str
    marks: tuple[Mark, ...]
    name: str = ""


@dataclass
class Scene:
    """Marks in the order in which they are drawn, the size in px (96 per inch), and the edges that its lines draw."""

    width: float = 0
    height: float = 0
    scale: float = 1  # at which it is written: less than 1 if it does not fit the width that was asked for
    title: str = ""
    description: str = ""
    marks: list[Mark | Group] = field(default_factory=list)
    edges: set[tuple[int, int]] = field(default_factory=set)
    boxes: list[tuple[float, float, float, float]] = field(default_factory=list)

    def add(self, *marks: Mark | Group) -> None:
        self.marks.extend(marks)

    def all_marks(self) -> Iterator[Mark]:
        """Yield all marks, those of groups, too."""
        for each in self.marks:
            yield from each.marks if isinstance(each, Group) else (each,)

    def smallest_text(self) -> float:
        """Return the size of the smallest text as it is written, in points."""
        return min((text.size for text in self.texts()), default=0) * self.scale * 0.75

    def texts(self) -> list[Text]:
        """Return all text."""
        return [mark for mark in self.all_marks() if isinstance(mark, Text)]


def commands(line: Line) -> list[Command]:
    """Return the path of a line: straight pieces, and a curve at each corner; it ends where its arrow begins."""
    points = list(line.points)
    if line.arrow:
        (a, b), (c, d) = points[-2], points[-1]
        whole = hypot(c - a, d - b) or 1
        cut = min(ARROW * 0.8, whole)
        points[-1] = (c - (c - a) * cut / whole, d - (d - b) * cut / whole)
    if not line.radius:
        return [("M", points[0]), *(("L", point) for point in points[1:])]
    found: list[Command] = [("M", points[0])]
    for before, corner, after in zip(points, points[1:], points[2:], strict=False):
        radius = min(line.radius, _distance(before, corner) / 2, _distance(corner, after) / 2)
        found += [("L", _towards(corner, before, radius)), ("Q", corner, _towards(corner, after, radius))]
    return [*found, ("L", points[-1])]


def head(line: Line) -> tuple[Point, Point, Point]:
    """Return the triangle of a line's arrow."""
    (a, b), (c, d) = line.points[-2:]
    whole = _distance((a, b), (c, d)) or 1
    x, y = (c - a) / whole * ARROW, (d - b) / whole * ARROW
    half = 0.5
    return (c, d), (c - x - y * half, d - y + x * half), (c - x + y * half, d - y - x * half)


def signs(circle: Circle) -> list[Line]:
    """Return the lines of the sign in a circle."""
    reach = circle.radius * (0.5 if circle.sign != "×" else 0.42)
    x, y = circle.x, circle.y
    lines: dict[str, list[tuple[Point, Point]]] = {
        "+": [((x - reach, y), (x + reach, y)), ((x, y - reach), (x, y + reach))],
        "×": [((x - reach, y - reach), (x + reach, y + reach)), ((x - reach, y + reach), (x + reach, y - reach))],
        "–": [((x - reach, y), (x + reach, y))],
        "/": [((x - reach, y + reach), (x + reach, y - reach))],
    }
    return [Line(ends, circle.stroke, width=0.9) for ends in lines.get(circle.sign, [])]


def _distance(a: Point, b: Point) -> float:
    return hypot(a[0] - b[0], a[1] - b[1])


def _towards(start: Point, end: Point, length: float) -> Point:
    whole = _distance(start, end) or 1
    return start[0] + (end[0] - start[0]) * length / whole, start[1] + (end[1] - start[1]) * length / whole


def moved(mark: Mark | Group, across: float) -> Mark | Group:
    """Return a mark further to the right."""
    if isinstance(mark, Group):
        marks = tuple(each for each in (moved(one, across) for one in mark.marks) if not_group(each))
        return replace(mark, marks=marks)
    if isinstance(mark, (Polygon, Line)):
        return replace(mark, points=tuple((x + across, y) for x, y in mark.points))
    return replace(mark, x=mark.x + across)


def not_group(mark: Mark | Group) -> TypeGuard[Mark]:
    """Return whether a mark is a single one."""
    return not isinstance(mark, Group)


def middle(y: float, size: float) -> float:
    """Return the baseline of text whose capitals have their middle at a height."""
    return y + CAP_HEIGHT * size


def fitting_width(texts: Sequence[str], size: float, *, bold: bool = False) -> float:
    """Return the width of a box that holds lines of text in Helvetica with a margin, and in DejaVu Sans, too."""
    return max(
        max(text_width(text, size, bold=bold) + size, text_width(text, size, bold=bold, wide=True) + 3)
        for text in texts
    )
