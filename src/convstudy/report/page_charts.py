"""All charts of a comparison, by name: those of its page, which are also its figures as files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from markupsafe import Markup

from convstudy.drawing.scene import Scene
from convstudy.drawing.svg import element
from convstudy.report.charts import classes, costs, curves, forest, matrices, reliability
from convstudy.report.confusion import row_shares
from convstudy.report.measures import ClassesOfNetwork, PooledMeasures
from convstudy.study.comparisons.results import Findings, Results

# A chart with more than this many items is left out
PAIRS_IN_CHART = 66  # of 12 networks
CLASSES_IN_CHART = 200
NETWORKS_IN_MATRIX = 40
CELLS_OF_ALL = 40_000  # of the confusion matrices of all networks; of more, only the two best networks have one

Charts = dict[str, tuple[Scene, ...]]  # one scene, or one for wide and one for narrow screens

CURVES = {  # field of an epoch, whether it is a share, and the other fields for which its axis has room
    "validation-top1": ("validation_top1", True, ("train_top1",)),
    "training-top1": ("train_top1", True, ("validation_top1",)),
    "loss": ("train_loss", False, ()),
}


def charts_of(
    findings: Findings,
    confusions: Sequence[Mapping[str, Any]],
    measured: Sequence[PooledMeasures],
    by_class: Sequence[ClassesOfNetwork],
    shown_classes: Sequence[int],
) -> Charts:
    """Return the charts for which there are data."""
    results = findings.results
    names = [model.name for model in results.models]
    places = {name: place for place, name in enumerate(names)}
    found: Charts = {}
    if results.models:
        widths = (forest.WIDE, forest.NARROW)
        found["intervals"] = tuple(forest.top1_intervals(results.models, width) for width in widths)
    for cost in costs.known_costs(results.models):
        found[f"cost-{cost.id}"] = (costs.accuracy_against(results.models, cost),)
    if 0 < len(results.comparisons) <= PAIRS_IN_CHART:
        found["differences"] = (forest.differences(results.comparisons, results.protocol.margin),)
    if results.comparisons and 2 < len(names) <= NETWORKS_IN_MATRIX:
        found["pair-matrix"] = (matrices.pair_matrix(results.models, results.comparisons),)
    if any(run.epochs for run in findings.runs):
        for name, (metric, shares, beside) in CURVES.items():
            found[f"curve-{name}"] = (
                curves.learning_curves(findings.runs, names, metric, shares=shares, beside=beside),
            )
    for each in measured:
        if reliability.shown_bins(each):
            place = places[each.model]
            found[f"reliability-{place}"] = (reliability.reliability_diagram(each, place),)
    if by_class and shown_classes:
        class_names = results.protocol.data.class_names
        found["classes"] = (classes.class_chart(by_class, shown_classes, class_names, places),)
    return found | dict(_confusions(confusions, results))


def _confusions(confusions: Sequence[Mapping[str, Any]], results: Results) -> Iterator[tuple[str, tuple[Scene, ...]]]:
    names = results.protocol.data.class_names
    if len(names) > CLASSES_IN_CHART:
        return
    best = two_best(confusions, results)
    drawn = confusions if len(confusions) * len(names) ** 2 <= CELLS_OF_ALL else best
    for each in drawn:
        yield each["id"], (matrices.confusion_matrix(each["counts"], names, each["model"]),)
    if len(best) > 1:
        shares = [row_shares(each["counts"]) for each in best]
        yield "confusion-difference", (matrices.confusion_difference(shares[0], shares[1], names),)


def two_best(confusions: Sequence[Mapping[str, Any]], results: Results) -> list[Mapping[str, Any]]:
    """Return the confusion matrices of the two networks with the highest top-1, best first."""
    top1 = {model.name: model.top1.mean for model in results.models}
    return sorted(confusions, key=lambda shown: -top1[shown["model"]])[:2]


def on_page(scenes: Sequence[Scene], words: str) -> Markup:
    """Return a chart as elements of a page: with two scenes, the style shows one by the width of the screen."""
    kinds = ("",) if len(scenes) == 1 else ("on-wide", "on-narrow")
    return Markup("").join(
        Markup('<div class="chart {}">{}</div>').format(kind, Markup(element(scene, words)))
        for kind, scene in zip(kinds, scenes, strict=True)
    )
