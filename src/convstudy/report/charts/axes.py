"""Axes of charts: places of values, ticks, and the frame around a plot."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from convstudy.drawing.colours import SERIES
from convstudy.drawing.fonts import text_width
from convstudy.drawing.scene import Line, Mark, Scene, Text
from convstudy.report.range_picture import round_values

SIZE = 12.0  # px of text
WIDTH = 460.0  # px; on a phone its text is 9 px or larger
DASHES: tuple[tuple[float, ...], ...] = ((), (6, 3), (2, 2.5), (7, 3, 2, 3), (11, 3))
NETWORKS_PER_DASH = 4
DECADES_WITH_FEW_TICKS = 2.0  # with more than this, only powers of ten have a tick
DECADES_WITH_LINEAR_TICKS = 0.7  # with less than this, 1, 2 and 5 times a power of ten can be too few


def color(network: int) -> str:
    """Return the name of the color of the network at this position in the results.

    >>> color(0), color(20)
    ('series0', 'series0')
    """
    return f"series{network % len(SERIES)}"


def dashes(network: int) -> tuple[float, ...]:
    """Return the dashes of the network at this position in the results.

    >>> dashes(3), dashes(4)
    ((), (6, 3))
    """
    return DASHES[network // NETWORKS_PER_DASH % len(DASHES)]


def fitted(text: str, width: float, size: float = SIZE) -> str:
    """Shorten a text to a width in px: its beginning and end.

    >>> fitted("a name that is too long", 80), fitted("net", 80)
    ('a nam… long', 'net')
    """
    text = " ".join(text.split())
    kept = len(text)
    short = text
    while kept > 1 and text_width(short, size, wide=True) > width:
        kept -= 1
        short = f"{text[: (kept + 1) // 2].rstrip()}…{text[len(text) - kept // 2 :]}"
    return short


@dataclass(frozen=True)
class Axis:
    """A map from values to places in px, linear or logarithmic."""

    low: float
    high: float
    start: float
    end: float
    logarithmic: bool = False

    @classmethod
    def around(cls, values: Sequence[float], start: float, end: float, *, pad: float = 0.05) -> Axis:
        """Return an axis with some room around all values."""
        low, high = min(values), max(values)
        room = pad * ((high - low) or 1.0)
        return cls(low - room, high + room, start, end)

    @classmethod
    def of_costs(cls, values: Sequence[float], start: float, end: float) -> Axis:
        """Return a logarithmic axis with some room around positive values."""
        low, high = min(values), max(values)
        factor = (high / low) ** 0.06 if high > low else 1.5
        return cls(low / factor, high * factor, start, end, logarithmic=True)

    def at(self, value: float) -> float:
        """Return the place of a value."""
        low, high, value = map(self._scaled, (self.low, self.high, value))
        return self.start + (value - low) / ((high - low) or 1.0) * (self.end - self.start)

    def ticks(self, most: int) -> list[float]:
        """Return about `most` round values."""
        if not self.logarithmic:
            return round_values([self.low, self.high], most)
        low, high = math.log10(self.low), math.log10(self.high)
        if high - low <= DECADES_WITH_LINEAR_TICKS:
            return round_values([self.low, self.high], most)
        steps = (1,) if high - low > DECADES_WITH_FEW_TICKS else (1, 2, 5)
        decades = range(math.floor(low), math.ceil(high) + 1)
        found = [step * 10.0**decade for decade in decades for step in steps]
        return [value for value in found if self.low <= value <= self.high]

    def _scaled(self, value: float) -> float:
        return math.log10(value) if self.logarithmic else value


def x_axis(
    scene: Scene,
    axis: Axis,
    top: float,
    bottom: float,
    written: Callable[[float], str],
    title: str = "",
    *,
    ticks: Sequence[float] | None = None,
) -> None:
    """Draw a horizontal axis at `bottom`, with grid lines up to `top`."""
    for value in axis.ticks(6) if ticks is None else ticks:
        scene.add(Line(((axis.at(value), top), (axis.at(value), bottom)), "rule", radius=0))
        scene.add(Text(axis.at(value), bottom + SIZE + 4, written(value), SIZE, "muted", "middle"))
    scene.add(Line(((axis.start, bottom), (axis.end, bottom)), "frame", radius=0))
    if title:
        scene.add(Text((axis.start + axis.end) / 2, bottom + 2 * SIZE + 11, title, SIZE, "muted", "middle"))


def y_axis(
    scene: Scene,
    axis: Axis,
    left: float,
    right: float,
    written: Callable[[float], str],
    *,
    ticks: Sequence[float] | None = None,
) -> None:
    """Draw a vertical axis at `left`, with grid lines up to `right`."""
    for value in axis.ticks(6) if ticks is None else ticks:
        scene.add(Line(((left, axis.at(value)), (right, axis.at(value))), "rule", radius=0))
        scene.add(Text(left - 6, axis.at(value) + 0.36 * SIZE, written(value), SIZE, "muted", "end"))


def whisker(low: tuple[float, float], high: tuple[float, float], stroke: str, width: float = 2) -> tuple[Mark, ...]:
    """Return the marks of an interval between two places on a level or an upright line."""
    (a, b), (c, d) = low, high
    x, y = (0, 4) if b == d else (4, 0)
    ends = (((a - x, b - y), (a + x, b + y)), ((c - x, d - y), (c + x, d + y)))
    return tuple(Line(each, stroke, width, radius=0) for each in (((a, b), (c, d)), *ends))


def percent(value: float) -> str:
    """Write a tick of an axis in percent.

    >>> percent(97.5), percent(100.0)
    ('97.5%', '100%')
    """
    return f"{value:g}%"


def compact(value: float) -> str:
    """Write a tick of an axis with a decimal prefix.

    >>> compact(2e6), compact(0.5), compact(1500.0)
    ('2M', '0.5', '1.5k')
    """
    for scale, prefix in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= scale:
            return f"{value / scale:g}{prefix}"
    return f"{value:g}"
