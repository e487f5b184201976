"""The critical-difference diagram of networks over data sets."""

from __future__ import annotations

from convstudy.drawing.scene import Group, Line, Scene, Text
from convstudy.report.charts.axes import SIZE, Axis, color, fitted
from convstudy.study.comparisons.ranking import Ranking

WIDTH = 640.0
LONGEST_NAME = 170.0  # px
STEP = 26.0  # px per name
BAR_STEP = 9.0  # px between bars
HEAD = 62.0  # px above the axis


def critical_difference_diagram(ranking: Ranking) -> Scene:
    """Draw mean ranks on an axis with the best rank, 1, on the right; bars join networks without a shown difference.

    Source: Demsar 2006, Figure 1.
    """
    ranks, networks = ranking.test.mean_ranks, len(ranking.networks)
    axis = Axis(networks, 1, LONGEST_NAME + 44, WIDTH - LONGEST_NAME - 44)
    first = HEAD + 16 + BAR_STEP * len(ranking.groups)
    right = (networks + 1) // 2  # number of names on the right; the others are on the left
    depths = [min(place, networks - 1 - place) for place in range(networks)]
    scene = Scene(WIDTH, first + STEP * (max(depths) + 1) + 6, title="Mean ranks and critical difference")
    _axis(scene, axis, networks)
    _critical(scene, axis, networks, ranking.test.critical_difference)
    for place, (name, rank, depth) in enumerate(zip(ranking.networks, ranks, depths, strict=True)):
        better = place < right
        x, y, edge = axis.at(rank), first + STEP * depth + SIZE, WIDTH if better else 0
        line = Line(((x, HEAD), (x, y), (edge, y)), color(place), 1.8, radius=0)
        text = f"{fitted(name, LONGEST_NAME)} {rank:.2f}"
        label = Text(edge, y - 5, text, SIZE, "ink", "end" if better else "start")
        scene.add(Group(f"{name}: mean rank {rank:.2f}", (line, label)))
    for number, members in enumerate(ranking.groups):
        ends = axis.at(ranks[members[0]]) + 3, axis.at(ranks[members[-1]]) - 3
        y = HEAD + 10 + BAR_STEP * number
        said = "no difference shown among " + ", ".join(ranking.networks[place] for place in members)
        scene.add(Group(said, (Line(((ends[0], y), (ends[1], y)), "ink", 4.5, radius=0),)))
    return scene


def _axis(scene: Scene, axis: Axis, networks: int) -> None:
    scene.add(Line(((axis.start, HEAD), (axis.end, HEAD)), "muted", 1.5, radius=0))
    for rank in range(1, networks + 1):
        scene.add(Line(((axis.at(rank), HEAD), (axis.at(rank), HEAD - 6)), "muted", 1.5, radius=0))
        scene.add(Text(axis.at(rank), HEAD - 10, str(rank), SIZE, "muted", "middle"))


def _critical(scene: Scene, axis: Axis, networks: int, difference: float) -> None:
    """Draw the critical difference from the best rank on, cut off at the end of the axis."""
    end, y = min(1 + difference, networks), 24.0
    scene.add(Line(((axis.at(1), y), (axis.at(end), y)), "muted", 1.8, radius=0))
    for limit in (1, end) if end == 1 + difference else (1,):
        scene.add(Line(((axis.at(limit), y - 4), (axis.at(limit), y + 4)), "muted", 1.8, radius=0))
    text = f"critical difference {difference:.2f}"
    scene.add(Text((axis.at(1) + axis.at(end)) / 2, y - 8, text, SIZE, "muted", "middle"))
