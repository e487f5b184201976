"""The plot of a learning-rate range test: loss against learning rate, and the chosen rate."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from convstudy.files import whole_file
from convstudy.training import LearningRateRange

WIDTH, HEIGHT = 720, 400  # pixels
LEFT, RIGHT, TOP, BOTTOM = 64, 696, 40, 340  # of the plot area
TICKS = 6  # maximum number of ticks on the loss axis


def write_range_picture(found: LearningRateRange, rate: float | None, path: Path) -> None:
    """Write the plot of a range test and its chosen rate, if there is one, to an SVG file, atomically."""
    templates = Environment(
        loader=PackageLoader("convstudy.report"), autoescape=True, trim_blocks=True, undefined=StrictUndefined
    )
    drawn = templates.get_template("range_test.svg").render(_shown(found, rate))
    with whole_file(path) as draft:
        draft.write_text(drawn, encoding="utf-8", newline="\n")


def _shown(found: LearningRateRange, rate: float | None) -> dict[str, Any]:
    lrs = [math.log10(lr) for lr in (*found.lrs, rate) if lr is not None]
    x = _scale(min(lrs), max(lrs), LEFT, RIGHT)
    y = _scale(min(found.losses), max(found.losses), BOTTOM - 12, TOP)
    points = [(x(math.log10(lr)), y(loss)) for lr, loss in zip(found.lrs, found.losses, strict=True)]
    lowest = found.lowest
    decades = range(math.ceil(min(lrs) - 1e-9), math.floor(max(lrs) + 1e-9) + 1)
    return {
        "width": WIDTH, "height": HEIGHT, "left": LEFT, "right": RIGHT, "top": TOP, "bottom": BOTTOM,
        "points": points,
        "lowest_at": points[lowest],
        "lowest_lr": f"{found.lrs[lowest]:.2g}",
        "rate": None if rate is None else f"{rate:g}",
        "rate_at": None if rate is None else x(math.log10(rate)),
        "x_ticks": [{"at": x(decade), "text": f"{10.0**decade:g}"} for decade in decades],
        "y_ticks": [{"at": y(loss), "text": f"{loss:g}"} for loss in round_values(found.losses)],
    }  # fmt: skip


def round_values(values: Sequence[float], most: int = TICKS) -> list[float]:
    """Return about `most` round numbers within the range of values.

    >>> round_values([0.37, 3.1]), round_values([1.0])
    ([0.5, 1.0, 1.5, 2.0, 2.5, 3.0], [1.0])
    """
    low, high = min(values), max(values)
    if not high > low:
        return [low]
    rough = (high - low) / most
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough)
    return [round(place * step, 12) for place in range(math.ceil(low / step), math.floor(high / step) + 1)]


def _scale(low: float, high: float, start: float, end: float) -> Callable[[float], float]:
    """Return a linear map from values to pixels."""
    span = high - low or 1.0
    return lambda value: round(start + (value - low) / span * (end - start), 1)
