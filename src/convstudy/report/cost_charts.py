"""Charts of accuracy against cost, as Plotly figures; a line joins the networks on the Pareto front."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import log10
from typing import Any

import plotly.graph_objects as go

from convstudy.report import figures, numbers
from convstudy.report.range_picture import round_values
from convstudy.statistics import pareto_front
from convstudy.study.comparisons.results import ModelResult


@dataclass(frozen=True)
class CostAxis:
    """A cost as the x axis of a chart: its title with unit, its value for a network, and its format."""

    id: str
    title: str
    of: Callable[[ModelResult], float | None]
    written: Callable[[float], str]
    ticks: str  # d3 format of the axis ticks


def _ms_in_batches(model: ModelResult) -> float | None:
    rate = model.inference_images_per_second
    return 1000 / rate if rate else None


COSTS = (
    CostAxis("macs", "MACs per image", lambda model: model.macs, numbers.scaled, "~s"),
    CostAxis("parameters", "Parameters", lambda model: model.parameters, numbers.scaled, "~s"),
    CostAxis("latency", "Latency per image, ms", lambda model: model.latency_ms, numbers.rate, "~g"),
    CostAxis("training", "Training time per run, s", lambda model: model.train_seconds, numbers.rate, "~g"),
    CostAxis("activations", "Activation size per image", lambda model: model.activation_size, numbers.scaled, "~s"),
    CostAxis(
        "memory", "Memory of a training step, bytes", lambda model: model.training_step_bytes, numbers.num_bytes, "~s"
    ),
    CostAxis("p95", "Latency, 95th percentile, ms", lambda model: model.latency_p95_ms, numbers.rate, "~g"),
    CostAxis("batched", "Time per image at the fastest batch size, ms", _ms_in_batches, numbers.rate, "~g"),
)
FIRST = 4  # of these are always shown; the others on demand, if they are known for any network
DECADES_WITH_FEW_TICKS = 2.0  # with more than this, only powers of ten have a tick
DECADES_WITH_LINEAR_TICKS = 0.7  # with less than this, 1, 2 and 5 times a power of ten can be too few
NEAR = 0.2, 0.12  # fractions of the axes within which the labels of two networks would overlap


def known_costs(models: Sequence[ModelResult]) -> tuple[CostAxis, ...]:
    """Return the costs to draw: the first ones, and those that are known for any network."""
    return tuple(
        cost for place, cost in enumerate(COSTS) if place < FIRST or any(cost.of(model) is not None for model in models)
    )


def front(models: Sequence[ModelResult], cost: CostAxis) -> tuple[str, ...]:
    """Return the names of the networks on the Pareto front of accuracy and this cost, cheapest first."""
    known = [(model, value) for model in models if (value := cost.of(model)) is not None]
    places = pareto_front([value for _, value in known], [model.top1.mean for model, _ in known])
    return tuple(known[place][0].name for place in places)


def accuracy_against(models: Sequence[ModelResult], cost: CostAxis) -> go.Figure:
    """Draw one dot per network: its cost on a logarithmic axis, and its mean top-1 with 95% CI, in percent."""
    costs = {model.name: value for model in models if (value := cost.of(model))}
    low, high = (log10(limit) for limit in (min(costs.values(), default=1.0), max(costs.values(), default=1.0)))
    ticks = {"tickformat": cost.ticks, **_ticks(low, high)}
    figure = go.Figure(
        layout=figures.layout(
            xaxis={"type": "log", "title": {"text": cost.title}, "automargin": True, **ticks},
            yaxis={"ticksuffix": "%", "automargin": True},
        )
    )
    by_name = {model.name: model for model in models}
    best = [by_name[name] for name in front(models, cost)]
    figure.add_scatter(
        x=[costs.get(model.name) for model in best],
        y=[100 * model.top1.mean for model in best],
        mode="lines",
        line={"color": "var(--ink-soft)", "width": 1.5, "dash": "dot", "shape": "hv"},
        hoverinfo="skip",
    )
    for place, model in enumerate(models):
        if model.name in costs:
            side = "left" if log10(costs[model.name]) > (low + high) / 2 else "right"
            label = f"{'bottom' if _under_another(model, models, costs) else 'top'} {side}"
            _add_network(figure, place, model, costs[model.name], cost.written(costs[model.name]), label)
    return figure


def _ticks(low: float, high: float) -> dict[str, Any]:
    """Return the ticks of a logarithmic axis between two exponents of ten."""
    if high - low > DECADES_WITH_FEW_TICKS:
        return {"dtick": 1}
    if high - low > DECADES_WITH_LINEAR_TICKS:
        return {"dtick": "D2"}
    return {"tickmode": "array", "tickvals": round_values([10**low, 10**high], most=5)}


def _under_another(model: ModelResult, models: Sequence[ModelResult], costs: Mapping[str, float]) -> bool:
    """Return whether a network is close below another one, whose label is above it."""
    drawn = sorted((each for each in models if each.name in costs), key=lambda each: each.top1.mean, reverse=True)
    wide = log10(max(costs.values())) - log10(min(costs.values()))
    high = max(each.top1.high for each in drawn) - min(each.top1.low for each in drawn)
    return any(
        abs(log10(costs[other.name] / costs[model.name])) <= NEAR[0] * wide
        and other.top1.mean - model.top1.mean <= NEAR[1] * high
        for other in drawn[: drawn.index(model)]
    )


def _add_network(figure: go.Figure, place: int, model: ModelResult, cost: float, written: str, label: str) -> None:
    top1 = model.top1
    figure.add_scatter(
        x=[cost],
        y=[100 * top1.mean],
        mode="markers+text",
        text=[f"  {figures.literal(figures.short(model.name, 18))}  "],
        textposition=label,
        textfont={"color": "var(--ink)", "size": 12},
        marker={"size": 11, "color": figures.color(place), "line": {"color": "var(--surface)", "width": 1.5}},
        error_y={
            "type": "data",
            "symmetric": False,
            "array": [100 * (top1.high - top1.mean)],
            "arrayminus": [100 * (top1.mean - top1.low)],
            "color": figures.color(place),
            "thickness": 2,
            "width": 5,
        },
        cliponaxis=False,
        hovertemplate=(f"{figures.literal(model.name)}<br>{100 * top1.mean:.1f}%, {written}<extra></extra>"),
    )
