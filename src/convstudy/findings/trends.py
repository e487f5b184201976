"""The lecture's four trends, counted over the networks of the zoo."""

from __future__ import annotations

from convstudy.analysis import Trend, count, unallocated
from convstudy.analysis import trends as trends_of
from convstudy.findings.finding import Answer, Cell, Column, FigureTable, Outcome, Setting, Statement, Unit
from convstudy.zoo import ARCHITECTURES, build

CLASSICS = (  # of the lecture: its example, its tutorial network, its five architectures
    "lecture",
    "net",
    "lenet5",
    "alexnet",
    "vgg16",
    "googlenet",
    "resnet34",
)


def reproduce(setting: Setting) -> Outcome:  # noqa: ARG001 - nothing is trained
    """Test the four trends on every network of the zoo; the answers are about the lecture's networks."""
    found = {name: network_trends(name) for name in ARCHITECTURES}
    return Outcome(
        finding="trends",
        quick=False,
        statements=statements({name: found[name] for name in CLASSICS}),
        tables=(by_network({name: found[name] for name in CLASSICS}), over_all(found)),
        notes=(
            "a trend holds in a network if no layer contradicts it; a trend that is meant loosely (gradually) may have "
            "exceptions, so the share of layers that agree is given, too",
        ),
    )


def network_trends(name: str) -> tuple[Trend, ...]:
    """Return the four trends of a network of the zoo at the input of its paper."""
    about = ARCHITECTURES[name]
    with unallocated():
        network = build(name, num_classes=about.num_classes, in_channels=about.input_shape[0])
    return trends_of(count(network, about.input_shape))


def statements(found: dict[str, tuple[Trend, ...]]) -> tuple[Statement, ...]:
    """Return for each trend in how many networks it holds at every layer."""
    per_trend = list(zip(*found.values(), strict=True))
    return tuple(
        Statement(
            text=f"{trends[0].statement[0].upper()}{trends[0].statement[1:]}.",
            answer=Answer.YES if all(each.holds for each in tested) else Answer.NO,
            counted=(sum(bool(each.holds) for each in tested), len(tested)),
        )
        for trends in per_trend
        if (tested := [each for each in trends if each.holds is not None])
    )


def by_network(found: dict[str, tuple[Trend, ...]]) -> FigureTable:
    """Return for each network the share of layers that agree with each trend."""
    names = [trend.name for trend in next(iter(found.values()))]
    rows: list[tuple[Cell, ...]] = [(name, *map(_agreeing, trends)) for name, trends in found.items()]
    return FigureTable(
        title="Layers (or steps from layer to layer) that agree with each trend, in the lecture's networks",
        columns=(Column("network"), *(Column(name) for name in names)),
        rows=tuple(rows),
    )


def _agreeing(trend: Trend) -> str | None:
    return f"{trend.tested - len(trend.counterexamples)} of {trend.tested}" if trend.tested else None


def over_all(found: dict[str, tuple[Trend, ...]]) -> FigureTable:
    """Return for each trend in how many of all networks it holds, and for how many of all layers."""
    rows: list[tuple[Cell, ...]] = []
    for trends in zip(*found.values(), strict=True):
        tested = [each for each in trends if each.holds is not None]
        layers, wrong = sum(each.tested for each in tested), sum(len(each.counterexamples) for each in tested)
        rows.append(
            (
                trends[0].statement,
                f"{sum(bool(each.holds) for each in tested)} of {len(tested)}",
                f"{layers - wrong} of {layers}",
                1 - wrong / layers,
            )
        )
    return FigureTable(
        title=f"All {len(found)} networks of the zoo",
        columns=(
            Column("trend"),
            Column("holds in networks"),
            Column("layers or steps that agree"),
            Column("share", Unit.PERCENT),
        ),
        rows=tuple(rows),
    )
