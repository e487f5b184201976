"""The charts of the report, as Plotly figures.

Colors are written as CSS variables (`var(--series-1)`); the page replaces them by their values in the current color
scheme, again whenever the scheme changes. Networks have the colors `--series-1` to `--series-8`, after Okabe & Ito
2008. The first four can be told apart with any color vision; every four networks have a dash style of their own.

Plotly interprets HTML tags in labels, so names are escaped here for Plotly; `report.html` escapes the whole figure a
second time for the page.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go

from convstudy.errors import printable
from convstudy.report import numbers
from convstudy.report.confusion import row_shares
from convstudy.statistics import MARGIN
from convstudy.study.comparisons.results import ModelResult, PairResult
from convstudy.study.runs.result import RunResult

COLORS = 8  # defined in templates/report.css
DASHES = ("solid", "dash", "dot", "dashdot", "longdash")
NETWORKS_PER_DASH = 4
CLASSES_WITH_COUNTS_IN_CELLS = 12
CLASSES_WITH_TICKS = 30
LONGEST_TICK = 11  # characters
EPOCHS_WITH_TICKS = 10
ROW_HEIGHT = 58  # pixels per interval, including its name
CLOSE_ROW_HEIGHT = 46  # if there are many
PAIRS_WITH_ROOM = 15
# Fractions of a row are mostly near 0 or 1; the colors are spread so that 1% is visible.
HEAT = ((0.0, 0), (0.01, 1), (0.05, 2), (0.2, 3), (0.5, 4), (1.0, 5))


def color(network: int) -> str:
    """Return the color of the network at this position in the results.

    >>> color(0), color(8)
    ('var(--series-1)', 'var(--series-1)')
    """
    return f"var(--series-{network % COLORS + 1})"


def dash(network: int) -> str:
    """Return the dash style of the network at this position in the results.

    >>> dash(3), dash(4), dash(8)
    ('solid', 'dash', 'dot')
    """
    return DASHES[network // NETWORKS_PER_DASH % len(DASHES)]


def top1_intervals(models: Sequence[ModelResult]) -> go.Figure:
    """Draw one row per network, best first: a dot per seed, the mean, and the 95% CI as whiskers, in percent."""
    figure = go.Figure(layout=layout(xaxis={"ticksuffix": "%"}))
    ranked = sorted(enumerate(models), key=lambda placed: -placed[1].top1.mean)
    for row, (place, model) in enumerate(ranked):
        seeds = [100 * top1 for top1 in model.top1.per_seed]
        figure.add_scatter(
            x=seeds,
            y=[row + 0.24] * len(seeds),
            mode="markers",
            marker={"size": 7, "color": color(place), "opacity": 0.55},
            hovertemplate="one seed: %{x:.1f}%<extra></extra>",
        )
        _add_interval(figure, row, model.top1.mean, model.top1.low, model.top1.high, color(place), "%")
        _add_row_name(figure, row, model.name)
    return _with_rows(figure, len(models))


def differences(pairs: Sequence[PairResult], margin: float = MARGIN) -> go.Figure:
    """Draw a forest plot: a row per pair, largest difference first, with its 95% CI in percentage points.

    A line is at zero, and the band around it is the margin within which networks count as equivalent. With many pairs
    the rows are closer together.
    """
    figure = go.Figure(
        layout=layout(xaxis={"ticksuffix": "", "title": {"text": "difference in top-1, percentage points"}})
    )
    figure.add_vrect(x0=-100 * margin, x1=100 * margin, fillcolor="var(--line)", line_width=0, layer="below")
    figure.add_vline(x=0, line={"color": "var(--ink-soft)", "width": 1.5})
    ranked = sorted(pairs, key=lambda pair: -abs(pair.difference))
    for row, pair in enumerate(ranked):
        shade = "var(--ink)" if pair.better else "var(--ink-soft)"
        _add_interval(figure, row, pair.difference, pair.low, pair.high, shade, " pp", filled=bool(pair.better))
        _add_row_name(figure, row, f"{short(pair.a, 28)} minus {short(pair.b, 28)}")
    return _with_rows(figure, len(pairs), ROW_HEIGHT if len(pairs) <= PAIRS_WITH_ROOM else CLOSE_ROW_HEIGHT)


def learning_curves(runs: Sequence[RunResult], models: Sequence[str], metric: str, *, percent: bool) -> go.Figure:
    """Draw one line per network, the mean of its seeds, in a band from the lowest seed to the highest.

    `metric` is a field of `Epoch`. The `meta` of each trace is the network's position in the results, by which the
    legend of the page shows and hides it.
    """
    longest = max((len(run.epochs) for run in runs), default=0)
    epochs = {"title": {"text": "epoch"}, "tickformat": "d"} | ({"dtick": 1} if longest <= EPOCHS_WITH_TICKS else {})
    scale = {"automargin": True} | ({"ticksuffix": "%"} if percent else {})
    figure = go.Figure(layout=layout(xaxis=epochs, yaxis=scale))
    for place, model in enumerate(models):
        curves = {
            run.seed: {epoch.epoch: getattr(epoch, metric) * (100 if percent else 1) for epoch in run.epochs}
            for run in runs
            if run.model == model and run.epochs
        }
        if curves:
            shared = sorted(set.intersection(*(set(curve) for curve in curves.values())))
            values = np.array([[curve[epoch] for epoch in shared] for curve in curves.values()])
            if len(curves) > 1 and len(shared) > 1:
                _add_band(figure, place, shared, values)
            mean = dict(zip(shared, values.mean(0).tolist(), strict=True))
            name = f"{model}, mean of {len(curves)} seeds" if len(curves) > 1 else model
            _add_curve(figure, place, mean, name, percent=percent)
    return figure


def confusion_heatmap(counts: npt.NDArray[np.int64], class_names: Sequence[str]) -> go.Figure:
    """Draw a confusion matrix: rows are labels, columns answers, colors fractions of the row, numbers counts.

    `layout.meta` contains the class names and counts from which the page makes the hover texts.
    """
    classes = len(class_names)
    names = [literal(name) for name in class_names]
    ticks: dict[str, Any] = {"showgrid": False, "ticks": "", "showline": False}
    margin = {"l": 28, "r": 4, "t": 4, "b": 28}
    if classes <= CLASSES_WITH_TICKS:
        shortened = [short(name, LONGEST_TICK) for name in class_names]
        ticks |= {"tickmode": "array", "tickvals": list(range(classes)), "ticktext": list(map(literal, shortened))}
        longest = max(map(len, shortened))
        room = 7 * longest + 12  # pixels
        margin |= {"l": margin["l"] + room, "b": margin["b"] + (room if longest > 2 else 24)}
        upright = {"tickangle": -90 if longest > 2 else 0}
    else:
        ticks |= {"showticklabels": False}
        upright = {}
    figure = go.Figure(
        layout=layout(
            xaxis={**ticks, **upright, "title": {"text": "answer"}},
            yaxis={**ticks, "title": {"text": "label"}, "autorange": "reversed"},
            meta={"classes": names, "counts": counts.tolist()},
            margin=margin,
        )
    )
    figure.add_heatmap(
        z=np.round(row_shares(counts), 4),
        text=[[str(count) if count else "" for count in row] for row in counts.tolist()],
        texttemplate="%{text}" if classes <= CLASSES_WITH_COUNTS_IN_CELLS else None,
        textfont={"size": 11},
        colorscale=[(share, f"var(--heat-{step})") for share, step in HEAT],
        zmin=0,
        zmax=1,
        xgap=1,
        ygap=1,
        showscale=False,
        hoverinfo="text",
    )
    return figure


def layout(**parts: Any) -> dict[str, Any]:
    """Return the layout shared by all charts, updated: `xaxis` and `yaxis` are merged, other parts replaced."""
    axis: dict[str, Any] = {
        "gridcolor": "var(--line)",
        "zeroline": False,
        "linecolor": "var(--line-strong)",
        "tickcolor": "var(--line-strong)",
        "fixedrange": True,
        "title": {"font": {"size": 13}, "standoff": 8},
    }
    parts_of_all: dict[str, Any] = {
        "template": None,
        "autosize": True,
        "showlegend": False,
        "dragmode": False,
        "hovermode": "closest",
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"color": "var(--ink-soft)", "size": 13, "family": "system-ui, -apple-system, Segoe UI, sans-serif"},
        "hoverlabel": {
            "bgcolor": "var(--surface)",
            "bordercolor": "var(--line-strong)",
            "font": {"color": "var(--ink)", "size": 13},
        },
        "margin": {"l": 8, "r": 20, "t": 12, "b": 48},
    }
    for name in ("xaxis", "yaxis"):
        own = parts.pop(name, {})
        parts_of_all[name] = axis | own | {"title": axis["title"] | own.get("title", {})}
    return parts_of_all | parts


def _add_interval(
    figure: go.Figure,
    row: int,
    value: float,
    low: float,
    high: float,
    shade: str,
    unit: str,
    *,
    filled: bool = True,
) -> None:
    value, low, high = 100 * value, 100 * low, 100 * high
    figure.add_scatter(
        x=[value],
        y=[row],
        mode="markers",
        marker={"size": 11, "color": shade, "line": {"color": "var(--surface)", "width": 1.5}}
        if filled
        else {"size": 10, "color": "var(--surface)", "line": {"color": shade, "width": 2.5}},
        error_x={
            "type": "data",
            "symmetric": False,
            "array": [high - value],
            "arrayminus": [value - low],
            "color": shade,
            "thickness": 2.5,
            "width": 6,
        },
        hovertemplate=f"{value:.1f}{unit}<br>95% CI {low:.1f} to {high:.1f}<extra></extra>",
    )


def _add_row_name(figure: go.Figure, row: int, name: str) -> None:
    figure.add_annotation(
        text=literal(short(name, 60)),
        x=0,
        xref="paper",
        xanchor="left",
        y=row - 0.2,
        yanchor="bottom",
        showarrow=False,
        font={"color": "var(--ink)"},
        bgcolor="var(--surface)",
    )


def _with_rows(figure: go.Figure, rows: int, row_height: int = ROW_HEIGHT) -> go.Figure:
    figure.update_yaxes(range=[rows - 0.4, -0.85], visible=False)
    return figure.update_layout(height=row_height * rows + 80)


def _add_band(figure: go.Figure, place: int, epochs: list[int], values: npt.NDArray[np.float64]) -> None:
    figure.add_scatter(
        x=[*epochs, *reversed(epochs)],
        y=[*values.max(0).tolist(), *reversed(values.min(0).tolist())],
        meta=place,
        mode="lines",
        line={"color": color(place), "width": 0},
        fill="toself",
        fillcolor=color(place),
        opacity=0.2,
        hoverinfo="skip",
    )


def _add_curve(figure: go.Figure, place: int, curve: dict[int, float], name: str, *, percent: bool) -> None:
    value = "%{y:.1f}%" if percent else "%{y:.3f}"
    figure.add_scatter(
        x=list(curve),
        y=list(curve.values()),
        name=literal(name),
        meta=place,
        mode="lines" if len(curve) > 1 else "markers",
        line={"color": color(place), "width": 3, "dash": dash(place)},
        marker={"color": color(place), "size": 9},
        cliponaxis=False,
        hovertemplate=f"{value}, epoch %{{x}}<extra>%{{fullData.name}}</extra>",
    )


def literal(text: str) -> str:
    """Escape a name for Plotly, which would otherwise interpret HTML and, between dollar signs, TeX."""
    return escape(printable(text), quote=False).replace("$", "&#36;")


def short(text: str, width: int) -> str:
    """Shorten a name to at most `width` characters: its beginning and end."""
    return text if len(text) <= width else text[: width // 2] + "…" + text[-(width - width // 2 - 1) :]


def describe_intervals(models: Iterable[ModelResult]) -> str:
    """Describe the chart of intervals in words, for screen readers."""
    return "; ".join(
        f"{model.name} {numbers.percent(model.top1.mean)}, 95% CI "
        f"{numbers.percent_interval(model.top1.low, model.top1.high)}"
        for model in models
    )
