"""Learning curves: means over seeds, in bands from the lowest seed to the highest."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from convstudy.drawing.scene import Circle, Group, Line, Mark, Polygon, Scene
from convstudy.report.charts.axes import Axis, color, dashes, percent, x_axis, y_axis
from convstudy.study.runs.result import RunResult

WIDTH, HEIGHT = 400.0, 280.0
LEFT, TOP, FOOT, RIGHT = 48.0, 10.0, 44.0, 12.0
MOST_POINTS = 120  # per curve; of longer ones, every second, third, ... epoch is drawn, and the last one

Curve = tuple[list[int], npt.NDArray[np.float64]]  # epochs, and seeds x epochs


def learning_curves(
    runs: Sequence[RunResult], models: Sequence[str], metric: str, *, shares: bool, beside: Sequence[str] = ()
) -> Scene:
    """Draw one line per network, the mean of its seeds, in a band from the lowest seed to the highest.

    `metric` is a field of `Epoch`, in percent if it is a share; the axis also has room for the metrics `beside` it. The
    group of a network is named by its position in the results.
    """
    curves = {place: found for place, model in enumerate(models) if (found := _curve(runs, model, metric, shares))}
    others = [_curve(runs, model, other, shares) for model in models for other in beside]
    limits = [values for _, values in (*curves.values(), *filter(None, others))]
    epochs = [epoch for shown, _ in curves.values() for epoch in shown]
    x = Axis(min(epochs), max(*epochs, min(epochs) + 1), LEFT, WIDTH - RIGHT)
    y = Axis.around([float(pick(each)) for each in limits for pick in (np.min, np.max)], HEIGHT - FOOT, TOP)
    written: Callable[[float], str] = percent if shares else lambda tick: f"{tick:g}"
    scene = Scene(WIDTH, HEIGHT, title=f"{metric.replace('_', ' ')} per epoch")
    x_axis(scene, x, TOP, HEIGHT - FOOT, lambda tick: f"{tick:g}", "epoch", ticks=_whole(x.ticks(8)))
    bounds = (0, 100) if shares else (0, float("inf"))
    y_axis(
        scene, y, LEFT, WIDTH - RIGHT, written, ticks=[tick for tick in y.ticks(5) if bounds[0] <= tick <= bounds[1]]
    )
    for place, (shown, values) in curves.items():
        last = f"{values[:, -1].mean():.1f}%" if shares else f"{values[:, -1].mean():.3f}"
        seeds = f", mean of {len(values)} seeds" if len(values) > 1 else ""
        said = f"{models[place]}: {last} after epoch {shown[-1]}{seeds}"
        scene.add(Group(said, tuple(_marks(x, y, place, shown, values)), name=f"n{place}"))
    return scene


def _marks(x: Axis, y: Axis, place: int, epochs: list[int], values: npt.NDArray[np.float64]) -> list[Mark]:
    places = [x.at(epoch) for epoch in epochs]

    def line(heights: npt.NDArray[np.float64]) -> list[tuple[float, float]]:
        return [(across, y.at(float(height))) for across, height in zip(places, heights, strict=True)]

    if len(epochs) == 1:
        return [Circle(*line(values.mean(0))[0], 4.5, color(place), "paper")]
    marks: list[Mark] = []
    if len(values) > 1:
        band = (*line(values.max(0)), *reversed(line(values.min(0))))
        marks.append(Polygon(band, color(place), opacity=0.2))
    return [*marks, Line(tuple(line(values.mean(0))), color(place), 2.2, radius=0, dashes=dashes(place))]


def _curve(runs: Sequence[RunResult], model: str, metric: str, shares: bool) -> Curve | None:
    """Return the epochs that all seeds of a network have, and its values; None if it has no epochs."""
    found = [
        {epoch.epoch: float(getattr(epoch, metric)) * (100 if shares else 1) for epoch in run.epochs}
        for run in runs
        if run.model == model and run.epochs
    ]
    shared = sorted(set.intersection(*map(set, found))) if found else []
    if not shared:
        return None
    step = -(-len(shared) // MOST_POINTS)
    kept = sorted({*shared[::step], shared[-1]})
    return kept, np.array([[curve[epoch] for epoch in kept] for curve in found])


def _whole(ticks: Sequence[float]) -> list[float]:
    return [tick for tick in ticks if tick == int(tick)]
