"""Accuracy beside cost, as Plotly figures: the networks that nobody beats in both are joined by a line."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import log10

import plotly.graph_objects as go

from convstudy.report import figures, numbers
from convstudy.statistics import pareto_front
from convstudy.study.comparisons.results import ModelResult


@dataclass(frozen=True)
class Cost:
    """A cost of a network: what it is called, its unit, and how it is written."""

    id: str
    name: str
    of: Callable[[ModelResult], float | None]
    written: Callable[[float], str]
    ticks: str  # d3's format of the axis


def _ms_in_batches(model: ModelResult) -> float | None:
    rate = model.inference_images_per_second
    return 1000 / rate if rate else None


COSTS = (
    Cost("macs", "MACs of one image", lambda model: model.macs, numbers.scaled, "~s"),
    Cost("parameters", "Parameters", lambda model: model.parameters, numbers.scaled, "~s"),
    Cost("latency", "Latency of one image, ms", lambda model: model.latency_ms, numbers.rate, "~g"),
    Cost("training", "Training of one run, s", lambda model: model.train_seconds, numbers.rate, "~g"),
    Cost("activations", "Activation size of one image", lambda model: model.activation_size, numbers.scaled, "~s"),
    Cost(
        "memory", "Memory of a training step, bytes", lambda model: model.training_step_bytes, numbers.num_bytes, "~s"
    ),
    Cost("p95", "Latency, 95th percentile, ms", lambda model: model.latency_p95_ms, numbers.rate, "~g"),
    Cost("batched", "Time of one image at the best batch, ms", _ms_in_batches, numbers.rate, "~g"),
)
FIRST = 4  # of them, which are always drawn; the others on demand, and where a network has them
DECADES_WITH_FEW_TICKS = 1.5
NEAR = 0.2, 0.12  # parts of the axes within which the label of one network would lie on that of another


def known_costs(models: Sequence[ModelResult]) -> tuple[Cost, ...]:
    """The costs that there is something to draw of: the first ones, and those that any network has."""
    return tuple(
        cost for place, cost in enumerate(COSTS) if place < FIRST or any(cost.of(model) is not None for model in models)
    )


def front(models: Sequence[ModelResult], cost: Cost) -> tuple[str, ...]:
    """The names of the networks that no other beats in accuracy and this cost together, cheapest first."""
    known = [(model, value) for model in models if (value := cost.of(model)) is not None]
    places = pareto_front([value for _, value in known], [model.top1.mean for model, _ in known])
    return tuple(known[place][0].name for place in places)


def accuracy_against(models: Sequence[ModelResult], cost: Cost) -> go.Figure:
    """One dot a network: its cost on a logarithmic axis, its mean top-1 with the 95 % interval, in percent."""
    costs = {model.name: value for model in models if (value := cost.of(model))}
    low, high = (log10(limit) for limit in (min(costs.values(), default=1.0), max(costs.values(), default=1.0)))
    ticks = {"dtick": 1 if high - low > DECADES_WITH_FEW_TICKS else "D2", "tickformat": cost.ticks}
    figure = go.Figure(
        layout=figures.layout(
            xaxis={"type": "log", "title": {"text": cost.name}, "automargin": True, **ticks},
            yaxis={"ticksuffix": " %", "automargin": True},
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


def _under_another(model: ModelResult, models: Sequence[ModelResult], costs: Mapping[str, float]) -> bool:
    """Whether a network is closely below another one, which has its label above."""
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
        marker={"size": 11, "color": figures.colour(place), "line": {"color": "var(--surface)", "width": 1.5}},
        error_y={
            "type": "data",
            "symmetric": False,
            "array": [100 * (top1.high - top1.mean)],
            "arrayminus": [100 * (top1.mean - top1.low)],
            "color": figures.colour(place),
            "thickness": 2,
            "width": 5,
        },
        cliponaxis=False,
        hovertemplate=(f"{figures.literal(model.name)}<br>{100 * top1.mean:.1f} %, {written}<extra></extra>"),
    )
