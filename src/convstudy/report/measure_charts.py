"""Charts of calibration, classes and pairs, as Plotly figures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go

from convstudy.report import figures
from convstudy.report.measures import PooledMeasures
from convstudy.study.comparisons.results import ModelResult, PairResult

CLASSES_WITH_NAMES = 60
ROW_HEIGHT = 26  # pixels per class
DIVERGING = tuple((step / 6, f"var(--diverging-{step})") for step in range(7))  # the middle is zero


def reliability_diagram(found: PooledMeasures, place: int) -> go.Figure:
    """Draw accuracy against confidence, one dot per bin, larger with more answers; the diagonal is calibrated."""
    axis: dict[str, Any] = {"range": [-4, 104], "ticksuffix": "%", "dtick": 25}
    figure = go.Figure(
        layout=figures.layout(
            xaxis=axis | {"title": {"text": "confidence"}},
            yaxis=axis | {"title": {"text": "accuracy"}, "automargin": True},
        )
    )
    figure.add_scatter(x=[0, 100], y=[0, 100], mode="lines", line={"color": "var(--line-strong)"}, hoverinfo="skip")
    filled = [each for each in found.reliability if each.confidence is not None and each.accuracy is not None]
    answers = sum(each.answers for each in filled)
    figure.add_scatter(
        x=[100 * (each.confidence or 0) for each in filled],
        y=[100 * (each.accuracy or 0) for each in filled],
        mode="lines+markers",
        line={"color": figures.color(place), "width": 1.5},
        marker={
            "color": figures.color(place),
            "size": [5 + 22 * (each.answers / answers) ** 0.5 for each in filled],
            "opacity": 0.75,
        },
        text=[f"{each.answers:,} answers" for each in filled],
        hovertemplate="confidence %{x:.1f}%, accuracy %{y:.1f}%<br>%{text}<extra></extra>",
        cliponaxis=False,
    )
    return figure


def class_differences(found: Sequence[PooledMeasures], class_names: Sequence[str], places: dict[str, int]) -> go.Figure:
    """Draw one row per class, largest differences first: a dot per network at its top-1, in percent."""
    table = np.array([[np.nan if share is None else share for share in each.class_top1] for each in found])
    spread = np.nan_to_num(np.nanmax(table, 0) - np.nanmin(table, 0), nan=-1.0)
    order = np.argsort(-spread, kind="stable")[:CLASSES_WITH_NAMES]
    names = [figures.literal(figures.short(class_names[place], 24)) for place in order]
    figure = go.Figure(
        layout=figures.layout(
            xaxis={"ticksuffix": "%", "side": "top"},
            yaxis={
                "tickmode": "array",
                "tickvals": list(range(len(names))),
                "ticktext": names,
                "range": [len(names) - 0.5, -0.5],
                "automargin": True,
            },
            height=ROW_HEIGHT * len(names) + 70,
            margin={"l": 8, "r": 20, "t": 40, "b": 12},
        )
    )
    for row, each in zip(table, found, strict=True):
        place = places[each.model]
        figure.add_scatter(
            x=[None if np.isnan(share) else 100 * share for share in row[order]],
            y=list(range(len(names))),
            name=figures.literal(each.model),
            mode="markers",
            marker={"size": 10, "color": figures.color(place), "opacity": 0.85},
            hovertemplate="%{x:.1f}%<extra>%{fullData.name}</extra>",
            cliponaxis=False,
        )
    return figure


def pair_matrix(models: Sequence[ModelResult], pairs: Sequence[PairResult]) -> go.Figure:
    """Draw top-1 of the row minus that of the column, in percentage points, best first; a star: difference shown."""
    ranked = sorted(models, key=lambda model: -model.top1.mean)
    row_of = {model.name: row for row, model in enumerate(ranked)}
    points = np.full((len(ranked), len(ranked)), np.nan)
    texts = [["" for _ in ranked] for _ in ranked]
    for pair in pairs:
        a, b = row_of[pair.a], row_of[pair.b]
        points[a, b], points[b, a] = 100 * pair.difference, -100 * pair.difference
        star = "*" if pair.better else ""
        texts[a][b], texts[b][a] = (f"{points[a, b]:+.1f}{star}", f"{points[b, a]:+.1f}{star}")
    names = [figures.literal(figures.short(model.name, 16)) for model in ranked]
    return _diverging(points, texts, names, rows="", columns="")


def confusion_difference(a: npt.NDArray[np.float64], b: npt.NDArray[np.float64], names: Sequence[str]) -> go.Figure:
    """Draw the difference of two row-normalized confusion matrices, in percentage points; rows are labels."""
    points = 100 * (a - b)
    texts = [[f"{value:+.0f}" if abs(value) >= 0.5 else "" for value in row] for row in points]
    short = [figures.literal(figures.short(name, figures.LONGEST_TICK)) for name in names]
    return _diverging(points, texts, short, rows="label", columns="answer")


def _diverging(
    points: npt.NDArray[np.float64], texts: list[list[str]], names: Sequence[str], *, rows: str, columns: str
) -> go.Figure:
    size = len(names)
    ticks: dict[str, Any] = {"showgrid": False, "ticks": "", "showline": False, "automargin": True}
    ticks |= (
        {"tickmode": "array", "tickvals": list(range(size)), "ticktext": list(names)}
        if size <= figures.CLASSES_WITH_TICKS
        else {"showticklabels": False}
    )
    figure = go.Figure(
        layout=figures.layout(
            xaxis={**ticks, "title": {"text": columns}, "tickangle": -90 if max(map(len, names)) > 2 else 0},
            yaxis={**ticks, "title": {"text": rows}, "autorange": "reversed"},
            margin={"l": 8, "r": 4, "t": 4, "b": 8},
        )
    )
    limit = float(np.nanmax(np.abs(points), initial=1.0))
    figure.add_heatmap(
        z=np.where(np.isnan(points), None, np.round(points, 3)),  # type: ignore[call-overload]
        text=texts,
        texttemplate="%{text}" if size <= figures.CLASSES_WITH_COUNTS_IN_CELLS else None,
        textfont={"size": 11},
        colorscale=list(DIVERGING),
        zmin=-limit,
        zmax=limit,
        xgap=1,
        ygap=1,
        showscale=False,
        hovertemplate="%{y}, %{x}: %{z:+.1f} pp<extra></extra>",
    )
    return figure
