"""The critical-difference diagram of networks over data sets, as a Plotly figure."""

from __future__ import annotations

import plotly.graph_objects as go

from convstudy.report import figures
from convstudy.study.comparisons.ranking import Ranking

LABEL_SHARE = 0.3  # fraction of the width for the names on each side
ROW_HEIGHT = 34  # pixels per name
BAR_STEP = 0.4  # rows between bars
LONGEST_NAME = 24  # characters


def critical_difference_diagram(ranking: Ranking) -> go.Figure:
    """Draw mean ranks on an axis with the best rank, 1, on the right; bars join networks without a shown difference.

    Source: Demsar 2006, Figure 1.
    """
    ranks, networks = ranking.test.mean_ranks, len(ranking.networks)
    room = (networks - 1) * LABEL_SHARE / (1 - 2 * LABEL_SHARE)
    best, worst = 1 - room, networks + room
    groups = ranking.groups
    right = (networks + 1) // 2  # number of names on the right; the others are on the left
    depths = [min(place, networks - 1 - place) for place in range(networks)]
    rows = [1 + BAR_STEP * len(groups) + depth for depth in depths]
    figure = go.Figure(
        layout=figures.layout(
            xaxis={"range": [worst, best], "visible": False},
            yaxis={"range": [max(rows) + 0.25, -2.1], "visible": False},
            height=ROW_HEIGHT * (max(rows) + 2.35) + 20,
            margin={"l": 2, "r": 2, "t": 10, "b": 10},
        )
    )
    _axis(figure, networks)
    _critical(figure, networks, ranking.test.critical_difference)
    for number, members in enumerate(groups):
        low, high = ranks[members[0]], ranks[members[-1]]
        _line(figure, [low - 0.03, high + 0.03], [0.4 + BAR_STEP * number] * 2, "var(--ink)", 5)
    for place, (name, rank, row) in enumerate(zip(ranking.networks, ranks, rows, strict=True)):
        edge = best if place < right else worst
        _line(figure, [rank, rank, edge], [0, row, row], figures.color(place), 2)
        figure.add_annotation(
            text=f"{figures.literal(figures.short(name, LONGEST_NAME))} <b>{rank:.2f}</b>",
            x=edge,
            y=row,
            xanchor="right" if place < right else "left",
            yanchor="bottom",
            showarrow=False,
            borderpad=1,
            font={"color": "var(--ink)"},
        )
    return figure


def _axis(figure: go.Figure, networks: int) -> None:
    _line(figure, [1, networks], [0, 0], "var(--ink-soft)", 1.5)
    for rank in range(1, networks + 1):
        _line(figure, [rank, rank], [0, -0.18], "var(--ink-soft)", 1.5)
        figure.add_annotation(text=str(rank), x=rank, y=-0.18, yanchor="bottom", showarrow=False, borderpad=1)


def _critical(figure: go.Figure, networks: int, difference: float) -> None:
    """Draw the critical difference from the best rank on, cut off at the end of the axis."""
    end = min(1 + difference, networks)
    _line(figure, [1, end], [-1.2, -1.2], "var(--ink-soft)", 2)
    for limit in (1, end) if end == 1 + difference else (1,):
        _line(figure, [limit, limit], [-1.35, -1.05], "var(--ink-soft)", 2)
    figure.add_annotation(
        text=f"critical difference {difference:.2f}",
        x=(1 + end) / 2,
        y=-1.35,
        yanchor="bottom",
        showarrow=False,
        borderpad=1,
    )


def _line(figure: go.Figure, x: list[float], y: list[float], shade: str, width: float) -> None:
    figure.add_scatter(x=x, y=y, mode="lines", line={"color": shade, "width": width}, hoverinfo="skip")
