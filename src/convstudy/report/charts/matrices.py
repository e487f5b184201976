"""Matrices: confusions of classes, and differences of pairs of networks."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from convstudy.drawing.fonts import text_width
from convstudy.drawing.scene import Group, Line, Rect, Scene, Text
from convstudy.report.charts.axes import SIZE, WIDTH, fitted
from convstudy.report.confusion import row_shares
from convstudy.study.comparisons.results import ModelResult, PairResult

CLASSES_WITH_COUNTS_IN_CELLS = 12
CLASSES_WITH_NAMES = 30  # and with a cell for each; with more, only cells that are not empty are drawn, as lines
LONGEST_NAME = 90.0  # px
SHARES = (0.0, 0.01, 0.05, 0.2, 0.5)  # of a row, above which a cell has the next color
WIDEST_TEXT = 0.95  # of a cell


def confusion_matrix(counts: npt.NDArray[np.int64], classes: Sequence[str], model: str) -> Scene:
    """Draw a confusion matrix: rows are labels, columns answers, colors fractions of the row, numbers counts."""
    shares = row_shares(counts)
    steps = sum((shares > limit).astype(int) for limit in SHARES)
    totals = counts.sum(1)
    many = len(classes) > CLASSES_WITH_COUNTS_IN_CELLS
    texts = [["" if many or not count else str(count) for count in row] for row in counts.tolist()]

    def said(row: int, column: int) -> str:
        return f"label {classes[row]}, answer {classes[column]}: {counts[row, column]:,} of {totals[row]:,}"

    colors = [[f"share{step}" for step in row] for row in np.asarray(steps).tolist()]
    return _matrix(colors, texts, classes, said, title=f"Confusion matrix of {model}", axes=("label", "answer"))


def confusion_difference(a: npt.NDArray[np.float64], b: npt.NDArray[np.float64], classes: Sequence[str]) -> Scene:
    """Draw the difference of two row-normalized confusion matrices, in percentage points; rows are labels."""
    points = 100 * (a - b)
    many = len(classes) > CLASSES_WITH_COUNTS_IN_CELLS
    texts = [
        ["" if many or abs(value) < 0.5 else f"{value:+.0f}".replace("-", "−") for value in row]
        for row in points.tolist()
    ]

    def said(row: int, column: int) -> str:
        return f"label {classes[row]}, answer {classes[column]}: {points[row, column]:+.1f} pp" if many else ""

    return _matrix(_diverging(points), texts, classes, said, title="Difference", axes=("label", "answer"))


def pair_matrix(models: Sequence[ModelResult], pairs: Sequence[PairResult]) -> Scene:
    """Draw top-1 of the row minus that of the column, in percentage points, best first; a star: difference shown."""
    ranked = sorted(models, key=lambda model: -model.top1.mean)
    row_of = {model.name: row for row, model in enumerate(ranked)}
    points = np.full((len(ranked), len(ranked)), np.nan)
    texts = [["" for _ in ranked] for _ in ranked]
    for pair in pairs:
        a, b = row_of[pair.a], row_of[pair.b]
        points[a, b], points[b, a] = 100 * pair.difference, -100 * pair.difference
        star = "*" if pair.better else ""
        for row, column in ((a, b), (b, a)):
            texts[row][column] = f"{points[row, column]:+.1f}{star}".replace("-", "−")

    def said(row: int, column: int) -> str:
        value = texts[row][column]
        return f"{ranked[row].name} minus {ranked[column].name}: {value} pp" if value and many else ""

    many = len(ranked) > CLASSES_WITH_COUNTS_IN_CELLS
    names = [model.name for model in ranked]
    return _matrix(_diverging(points), texts, names, said, title="Top-1, row minus column", axes=("", ""))


def _diverging(points: npt.NDArray[np.float64]) -> list[list[str]]:
    limit = float(np.nanmax(np.abs(points), initial=1.0))
    steps = np.clip(np.rint(3 * np.nan_to_num(points) / limit) + 3, 0, 6).astype(int)
    return [[f"diverging{step}" for step in row] for row in steps.tolist()]


def _matrix(
    colors: Sequence[Sequence[str]],
    texts: Sequence[Sequence[str]],
    names: Sequence[str],
    said: Callable[[int, int], str],
    *,
    title: str,
    axes: tuple[str, str],
) -> Scene:
    size = len(names)
    shown = [fitted(name, LONGEST_NAME) for name in names] if size <= CLASSES_WITH_NAMES else []
    room = max((text_width(name, SIZE, wide=True) for name in shown), default=0.0)
    turned = room > 24
    left = room + 8 + (18 if axes[0] else 0)
    below = (room if turned else SIZE) + 10 + (18 if axes[1] else 0)
    cell = min((WIDTH - left - 2) / size, 64.0)
    side = cell * size
    scene = Scene(left + side + 2, side + below + 2, title=title)
    if shown:
        _add_cells(scene, colors, texts, said, left, cell)
    else:
        _add_lines(scene, colors, left, cell)
    for place, name in enumerate(shown):
        middle = (place + 0.5) * cell
        scene.add(Text(left - 5, 1 + middle + 0.36 * SIZE, name, SIZE, "ink", "end"))
        if turned:
            scene.add(upright(left + middle, side + 7, name, anchor="end"))
        else:
            scene.add(Text(left + middle, side + SIZE + 5, name, SIZE, "ink", "middle"))
    if axes[0]:
        scene.add(Text(SIZE, 1 + side / 2, axes[0], SIZE, "muted", "middle", rotated=True))
        scene.add(Text(left + side / 2, scene.height - 5, axes[1], SIZE, "muted", "middle"))
    return scene


def _add_cells(
    scene: Scene,
    colors: Sequence[Sequence[str]],
    texts: Sequence[Sequence[str]],
    said: Callable[[int, int], str],
    left: float,
    cell: float,
) -> None:
    longest = max((text_width(text, SIZE - 1, wide=True) for row in texts for text in row), default=0.0)
    for row, shades in enumerate(colors):
        for column, shade in enumerate(shades):
            x, y = left + column * cell, 1 + row * cell
            area = Rect(x + 0.5, y + 0.5, cell - 1, cell - 1, shade)
            text = texts[row][column]
            ink = "paper" if shade in DARK else "ink"
            label = Text(x + cell / 2, y + cell / 2 + 4, text, SIZE - 1, ink, "middle")
            marks = (area, label) if text and longest <= WIDEST_TEXT * cell else (area,)
            title = "" if shade in EMPTY and not text else said(row, column)
            scene.add(*((Group(title, marks),) if title else marks))


EMPTY = {"share0", "diverging3"}
DARK = {"share4", "share5", "diverging0", "diverging6"}


def _add_lines(scene: Scene, colors: Sequence[Sequence[str]], left: float, cell: float) -> None:
    """Draw the cells that are not empty as level lines as wide as a cell, those of one color joined."""
    side = cell * len(colors)
    scene.add(Rect(left, 1, side, side, "panel", "rule"))
    for row, shades in enumerate(colors):
        column = 0
        while column < len(shades):
            end = column + 1
            while end < len(shades) and shades[end] == shades[column]:
                end += 1
            if shades[column] not in EMPTY:
                y = 1 + (row + 0.5) * cell
                scene.add(Line(((left + column * cell, y), (left + end * cell, y)), shades[column], cell, radius=0))
            column = end


def upright(x: float, y: float, text: str, anchor: str = "start") -> Text:
    """Return text that reads upwards, centered on `x`."""
    return Text(x + 0.36 * SIZE, y, text, SIZE, "ink", anchor, rotated=True)
