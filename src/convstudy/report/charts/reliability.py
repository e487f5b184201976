"""Reliability diagrams: accuracy against confidence."""

from __future__ import annotations

from convstudy.drawing.scene import Circle, Group, Line, Scene
from convstudy.report.charts.axes import Axis, color, percent, x_axis, y_axis
from convstudy.report.measures import PooledMeasures
from convstudy.statistics import ReliabilityBin

SIDE = 260.0
LEFT, TOP, FOOT, RIGHT = 48.0, 8.0, 44.0, 12.0
FEWEST = 10  # answers of a bin that is drawn: the accuracy of fewer is chance


def shown_bins(found: PooledMeasures) -> list[ReliabilityBin]:
    """Return the bins with enough answers."""
    return [each for each in found.reliability if each.answers >= FEWEST]


def left_out(found: PooledMeasures) -> int:
    """Return the number of answers in the other bins."""
    return sum(each.answers for each in found.reliability if each.answers < FEWEST)


def reliability_diagram(found: PooledMeasures, place: int) -> Scene:
    """Draw one dot per bin with enough answers, larger with more answers; on the diagonal a network is calibrated."""
    x, y = Axis(-3, 103, LEFT, SIDE - RIGHT), Axis(-3, 103, SIDE - FOOT, TOP)
    scene = Scene(SIDE, SIDE, title=f"Reliability of {found.model}")
    ticks = [0.0, 25.0, 50.0, 75.0, 100.0]
    x_axis(scene, x, TOP, SIDE - FOOT, percent, "confidence", ticks=ticks)
    y_axis(scene, y, LEFT, SIDE - RIGHT, percent, ticks=ticks)
    scene.add(Line(((x.at(0), y.at(0)), (x.at(100), y.at(100))), "frame", 1.2, radius=0))
    bins = shown_bins(found)
    answers = sum(each.answers for each in bins)
    points = [(x.at(100 * (each.confidence or 0)), y.at(100 * (each.accuracy or 0))) for each in bins]
    if len(points) > 1:
        scene.add(Group("", (Line(tuple(points), color(place), 1.5, radius=0),)))
    for each, (across, down) in zip(bins, points, strict=True):
        said = (
            f"confidence {100 * (each.confidence or 0):.1f}%, accuracy {100 * (each.accuracy or 0):.1f}%, "
            f"{each.answers:,} answers"
        )
        scene.add(
            Group(said, (Circle(across, down, 2.5 + 8 * (each.answers / answers) ** 0.5, color(place), "paper"),))
        )
    return scene
