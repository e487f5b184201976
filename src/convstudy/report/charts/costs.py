"""Accuracy against cost; a line joins the networks on the Pareto front."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from convstudy.drawing.scene import Circle, Group, Line, Scene, Text
from convstudy.report import numbers
from convstudy.report.charts.axes import SIZE, WIDTH, Axis, color, compact, fitted, percent, whisker, x_axis, y_axis
from convstudy.statistics import pareto_front
from convstudy.study.comparisons.results import ModelResult

HEIGHT = 330.0
LEFT, TOP, FOOT, RIGHT = 52.0, 12.0, 44.0, 14.0
LONGEST_LABEL = 150.0  # px
REACH = 8.0  # from a dot to its label

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class CostAxis:
    """A cost as the x axis of a chart: its title with unit, its value for a network, and its format."""

    id: str
    title: str
    of: Callable[[ModelResult], float | None]
    written: Callable[[float], str]


def _ms_in_batches(model: ModelResult) -> float | None:
    rate = model.inference_images_per_second
    return 1000 / rate if rate else None


COSTS = (
    CostAxis("macs", "MACs per image", lambda model: model.macs, numbers.scaled),
    CostAxis("parameters", "Parameters", lambda model: model.parameters, numbers.scaled),
    CostAxis("latency", "Latency per image, ms", lambda model: model.latency_ms, numbers.rate),
    CostAxis("training", "Training time per run, s", lambda model: model.train_seconds, numbers.rate),
    CostAxis("activations", "Activation size per image", lambda model: model.activation_size, numbers.scaled),
    CostAxis("memory", "Memory of a training step, bytes", lambda model: model.training_step_bytes, numbers.num_bytes),
    CostAxis("p95", "Latency, 95th percentile, ms", lambda model: model.latency_p95_ms, numbers.rate),
    CostAxis("batched", "Time per image at the fastest batch size, ms", _ms_in_batches, numbers.rate),
)


def known_costs(models: Sequence[ModelResult]) -> tuple[CostAxis, ...]:
    """Return the costs that are known for two networks or more."""
    return tuple(cost for cost in COSTS if len([model for model in models if cost.of(model)]) > 1)


def front(models: Sequence[ModelResult], cost: CostAxis) -> tuple[str, ...]:
    """Return the names of the networks on the Pareto front of accuracy and this cost, cheapest first."""
    known = [(model, value) for model in models if (value := cost.of(model)) is not None]
    places = pareto_front([value for _, value in known], [model.top1.mean for model, _ in known])
    return tuple(known[place][0].name for place in places)


def accuracy_against(models: Sequence[ModelResult], cost: CostAxis) -> Scene:
    """Draw one dot per network: its cost on a logarithmic axis, and its mean top-1 with 95% CI, in percent."""
    drawn = [(place, model, value) for place, model in enumerate(models) if (value := cost.of(model))]
    scene = Scene(WIDTH, HEIGHT, title=f"Top-1 against {cost.title}")
    x = Axis.of_costs([value for *_, value in drawn], LEFT, WIDTH - RIGHT)
    limits = [100 * limit for _, model, _ in drawn for limit in (model.top1.low, model.top1.high)]
    y = Axis.around(limits, HEIGHT - FOOT, TOP)
    x_axis(scene, x, TOP, HEIGHT - FOOT, compact, cost.title)
    y_axis(scene, y, LEFT, WIDTH - RIGHT, percent, ticks=[tick for tick in y.ticks(6) if tick <= 100])
    places = {model.name: (x.at(value), y.at(100 * model.top1.mean)) for _, model, value in drawn}
    steps = [places[name] for name in front(models, cost) if name in places]
    if len(steps) > 1:
        corners = [steps[0]]
        for before, after in pairwise(steps):
            corners += [(after[0], before[1]), after]
        scene.add(Line(tuple(corners), "muted", 1.2, radius=0, dashes=(2, 2.5)))
    boxes: list[Box] = [(a - 5, b - 5, a + 5, b + 5) for a, b in places.values()]
    for place, model, value in sorted(drawn, key=lambda each: -each[1].top1.mean):
        _add_network(scene, y, place, model, cost.written(value), places[model.name])
        if label := _label(model.name, places[model.name], boxes):
            scene.add(label)
            boxes.append(label.box(wide=True))
    return scene


def _add_network(scene: Scene, y: Axis, place: int, model: ModelResult, written: str, at: tuple[float, float]) -> None:
    top1, (across, down) = model.top1, at
    limits = (across, y.at(100 * top1.low)), (across, y.at(100 * top1.high))
    dot = Circle(across, down, 4.8, color(place), "paper")
    said = (
        f"{model.name}: {numbers.percent(top1.mean)}, 95% CI {numbers.percent_interval(top1.low, top1.high)}; {written}"
    )
    scene.add(Group(said, (*whisker(*limits, color(place), 1.8), dot)))


def _label(name: str, at: tuple[float, float], taken: Sequence[Box]) -> Text | None:
    """Return the name beside a dot where it covers nothing and stays in the plot; None if there is no such place."""
    text, (x, y) = fitted(name, LONGEST_LABEL), at
    for anchor, side in (("start", REACH), ("end", -REACH)):
        for rise in (-SIZE * 0.45, SIZE * 1.15, SIZE * 0.36, -SIZE * 1.4, SIZE * 2.0):
            label = Text(x + side, y + rise, text, SIZE, "ink", anchor)
            left, top, right, bottom = label.box(wide=True)
            inside = left >= LEFT and right <= WIDTH and top >= TOP - 4 and bottom <= HEIGHT - FOOT
            if inside and not any(left < c and a < right and top < d and b < bottom for a, b, c, d in taken):
                return label
    return None
