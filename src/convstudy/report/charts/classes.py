"""Top-1 per class: intervals for a few networks, a heat map for many."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from convstudy.drawing.fonts import text_width
from convstudy.drawing.scene import Circle, Group, Line, Rect, Scene, Text
from convstudy.report.charts.axes import SIZE, WIDTH, Axis, color, fitted, percent
from convstudy.report.charts.matrices import upright
from convstudy.report.measures import ClassesOfNetwork, ClassTop1

MOST_NETWORKS = 3  # with intervals; more are a heat map
LONGEST_CLASS = 120.0  # px
STEP, PAD = 9.0, 10.0  # px between the networks of a class, and between classes
STEPS = (0.5, 0.75, 0.9, 0.97, 0.995)  # top-1 at which the color of a heat map changes


def class_chart(
    found: Sequence[ClassesOfNetwork], shown: Sequence[int], classes: Sequence[str], places: Mapping[str, int]
) -> Scene:
    """Draw top-1 of each network per class, in percent: with 95% CIs, or with many networks as a heat map."""
    return _heat(found, classes, shown) if len(found) > MOST_NETWORKS else _dumbbells(found, classes, shown, places)


def _dumbbells(
    found: Sequence[ClassesOfNetwork], classes: Sequence[str], shown: Sequence[int], places: Mapping[str, int]
) -> Scene:
    names = [fitted(classes[number], LONGEST_CLASS) for number in shown]
    left = max(text_width(name, SIZE, wide=True) for name in names) + 10
    row = STEP * (len(found) - 1) + PAD + 8
    lowest = min((top1.low for each in found for top1 in each.top1.values()), default=0.0)
    x = Axis(max(0.0, 100 * lowest - 2), 101, left, WIDTH - 8)
    top = SIZE + 12
    scene = Scene(WIDTH, top + row * len(shown) + 4, title="Top-1 per class with 95% CI")
    for tick in x.ticks(6):
        if tick <= 100:
            scene.add(Line(((x.at(tick), top), (x.at(tick), scene.height)), "rule", radius=0))
            scene.add(Text(x.at(tick), SIZE, percent(tick), SIZE, "muted", "middle"))
    for number, (name, label) in enumerate(zip(names, shown, strict=True)):
        y = top + row * number
        scene.add(Line(((0, y), (WIDTH, y)), "rule", radius=0))
        scene.add(Text(left - 8, y + row / 2 + 0.36 * SIZE, name, SIZE, "ink", "end"))
        for step, each in enumerate(found):
            top1 = each.top1.get(label)
            if top1 is not None:
                at, shade = y + PAD / 2 + 4 + STEP * step, color(places[each.model])
                line = Line(((x.at(100 * top1.low), at), (x.at(100 * top1.high), at)), shade, 1.6, radius=0)
                dot = Circle(x.at(100 * top1.value), at, 3.6, shade, "paper")
                scene.add(Group(f"{each.model}, {classes[label]}: {_said(top1)}", (line, dot)))
    return scene


def _heat(found: Sequence[ClassesOfNetwork], classes: Sequence[str], shown: Sequence[int]) -> Scene:
    names = [fitted(classes[number], LONGEST_CLASS) for number in shown]
    left = max(text_width(name, SIZE, wide=True) for name in names) + 8
    cell, row = (WIDTH - left) / len(found), 20.0
    heads = [fitted(each.model, 110) for each in found]
    top = max(text_width(head, SIZE, wide=True) for head in heads) + 10
    scene = Scene(WIDTH, top + row * len(shown) + 2, title="Top-1 per class")
    for place, head in enumerate(heads):
        scene.add(upright(left + (place + 0.5) * cell, top - 5, head))
    for number, (name, label) in enumerate(zip(names, shown, strict=True)):
        y = top + row * number
        scene.add(Text(left - 6, y + row / 2 + 0.36 * SIZE, name, SIZE, "ink", "end"))
        for place, each in enumerate(found):
            top1 = each.top1.get(label)
            if top1 is None:
                continue
            step = sum(top1.value >= limit for limit in STEPS)
            area = Rect(left + place * cell + 0.5, y + 0.5, cell - 1, row - 1, f"share{step}")
            said = f"{each.model}, {classes[label]}: {100 * top1.value:.1f}%"
            if cell < text_width("100", SIZE - 1, wide=True) + 4:
                scene.add(Group(said, (area,)))
                continue
            ink = on_share(step)
            text = Text(
                left + (place + 0.5) * cell, y + row / 2 + 4, f"{100 * top1.value:.0f}", SIZE - 1, ink, "middle"
            )
            scene.add(Group(said, (area, text)))
    return scene


def on_share(step: int) -> str:
    """Return the color of text on a color of shares."""
    return "ink" if step < 4 else "paper"


def _said(top1: ClassTop1) -> str:
    return f"{100 * top1.value:.1f}% (95% CI {100 * top1.low:.1f} to {100 * top1.high:.1f}), {top1.images:,} images"
