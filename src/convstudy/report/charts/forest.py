"""Intervals, one per row: accuracies of networks, and differences of pairs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from convstudy.drawing.fonts import text_width
from convstudy.drawing.scene import Circle, Group, Line, Mark, Rect, Scene, Text
from convstudy.report import numbers
from convstudy.report.charts.axes import SIZE, WIDTH, Axis, color, fitted, percent, whisker, x_axis
from convstudy.statistics import MARGIN
from convstudy.study.comparisons.results import ModelResult, PairResult

WIDE, NARROW = 860.0, 350.0
LONGEST_NAME = 230.0  # px
ROW, CLOSE_ROW = 46.0, 38.0
PAIRS_WITH_ROOM = 15


@dataclass(frozen=True, kw_only=True)
class Row:
    """An interval with its name, as text and in percent; `dots` are single seeds."""

    name: str
    written: str
    value: float
    low: float
    high: float
    color: str
    dots: tuple[float, ...] = ()
    filled: bool = True
    group: str = ""


def top1_intervals(models: Sequence[ModelResult], width: float) -> Scene:
    """Draw one row per network, best first: the mean with its 95% CI, and below it a dot per seed, in percent."""
    ranked = sorted(enumerate(models), key=lambda placed: -placed[1].top1.mean)
    rows = [
        Row(
            name=model.name,
            written=f"{numbers.percent(model.top1.mean)} ({numbers.percent_interval(model.top1.low, model.top1.high)})",
            value=100 * model.top1.mean,
            low=100 * model.top1.low,
            high=100 * model.top1.high,
            color=color(place),
            dots=tuple(100 * top1 for top1 in model.top1.per_seed) if len(model.top1.per_seed) > 1 else (),
        )
        for place, model in ranked
    ]
    return _forest(rows, width, unit="%", title="", most=100.0)


def differences(pairs: Sequence[PairResult], margin: float = MARGIN) -> Scene:
    """Draw a row per pair, largest difference first, with its 95% CI in percentage points.

    A line is at zero, and the band around it is the margin within which networks count as equivalent. With many pairs
    the rows are closer together.
    """
    rows = [
        Row(
            name=f"{pair.a} minus {pair.b}",
            written=numbers.points(pair.difference),
            value=100 * pair.difference,
            low=100 * pair.low,
            high=100 * pair.high,
            color="ink" if pair.better else "muted",
            filled=bool(pair.better),
        )
        for pair in sorted(pairs, key=lambda pair: -abs(pair.difference))
    ]
    return _forest(rows, WIDTH, unit="", title="difference in top-1, percentage points", band=100 * margin)


def describe_intervals(models: Sequence[ModelResult]) -> str:
    """Describe the chart of intervals in words, for screen readers."""
    return "; ".join(
        f"{model.name} {numbers.percent(model.top1.mean)}, 95% CI "
        f"{numbers.percent_interval(model.top1.low, model.top1.high)}"
        for model in models
    )


def _forest(
    rows: Sequence[Row], width: float, *, unit: str, title: str, band: float = 0, most: float | None = None
) -> Scene:
    wide = width >= WIDE
    names = min(max((text_width(row.name, SIZE, wide=True) for row in rows), default=0), LONGEST_NAME) if wide else 0
    values = max((text_width(row.written, SIZE, wide=True) for row in rows), default=0) if wide else 0
    height = ROW if len(rows) <= PAIRS_WITH_ROOM else CLOSE_ROW
    height = height - 8 if wide else height
    limits = [value for row in rows for value in (row.low, row.high, *row.dots)] + ([-band, band] if band else [])
    axis = Axis.around(limits, names + 16 if wide else 8, width - values - 20 if wide else width - 10)
    bottom = 8 + height * len(rows)
    scene = Scene(width, bottom + (2 * SIZE + 20 if title else SIZE + 10), title=title or "Top-1 with 95% CI")
    if band:
        scene.add(Rect(axis.at(-band), 4, axis.at(band) - axis.at(-band), bottom - 4, "panel"))
        scene.add(Line(((axis.at(0), 4), (axis.at(0), bottom)), "muted", 1.2, radius=0))
    ticks = [tick for tick in axis.ticks(8 if wide else 5) if most is None or tick <= most]
    x_axis(scene, axis, 4, bottom, percent if unit else lambda tick: f"{tick:g}".replace("-", "−"), title, ticks=ticks)
    for number, row in enumerate(rows):
        _add_row(scene, axis, row, 8 + height * number, height, wide=wide, unit=unit)
    return scene


def _add_row(scene: Scene, axis: Axis, row: Row, top: float, height: float, *, wide: bool, unit: str) -> None:
    y = top + height * (0.42 if wide else 0.68)
    text = 0.36 * SIZE
    if wide:
        scene.add(Text(0, y + text, fitted(row.name, LONGEST_NAME), SIZE, "ink"))
        scene.add(Text(scene.width, y + text, row.written, SIZE, "ink", "end"))
    else:
        room = scene.width - text_width(row.written, SIZE, wide=True) - 12
        name = Text(0, top + SIZE, fitted(row.name, room), SIZE, "ink")
        scene.add(Rect(0, top + 1, text_width(name.text, SIZE, wide=True) + 3, SIZE + 3, "paper"), name)
        scene.add(Text(scene.width, top + SIZE, row.written, SIZE, "muted", "end"))
    marks: list[Mark] = [Circle(axis.at(dot), y + 8.5, 2.2, row.color, row.color) for dot in row.dots]
    marks += whisker((axis.at(row.low), y), (axis.at(row.high), y), row.color, 2.2)
    marks.append(Circle(axis.at(row.value), y, 4.8, row.color if row.filled else "paper", row.color))
    seeds = f"; seeds {', '.join(f'{dot:.1f}' for dot in row.dots)}" if row.dots else ""
    said = f"{row.name}: {row.value:.1f}{unit or ' pp'}, 95% CI {row.low:.1f} to {row.high:.1f}{seeds}"
    scene.add(Group(said.replace("-", "−") if not unit else said, tuple(marks)))
