"""The HTML report: a single file that works offline."""

from __future__ import annotations

import base64
import gzip
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from convstudy.data.findings import IMBALANCE
from convstudy.files import whole_file
from convstudy.report import figures, measure_charts, numbers, sentences
from convstudy.report.confusion import confusion, frequent_mistakes, row_shares
from convstudy.report.cost_charts import FIRST, accuracy_against, front, known_costs
from convstudy.report.health import failure_limit, health_sentence
from convstudy.report.leading_pairs import leading_pairs
from convstudy.report.measures import PooledMeasures, columns_of, difference_columns, metric_of, of_each_network
from convstudy.report.networks import dark_style, inlined
from convstudy.report.pages import template_environment
from convstudy.report.picture import heat_data_uri, png_data_uri, strongest
from convstudy.study.comparisons.results import Findings, Results, ShownImage

# A chart with more than this many items is left out
PAIRS_IN_CHART = 66  # of 12 networks
CLASSES_IN_CHART = 200
NETWORKS_IN_MATRIX = 40


def write_html(findings: Findings, path: Path) -> None:
    """Write the report to `path` atomically.

    Raises: OSError, if the folder cannot be written to.
    """
    page = html(findings)
    with whole_file(path, keep_hard_links=True) as draft:
        draft.write_text(page, encoding="utf-8", newline="\n")


def html(findings: Findings) -> str:
    """Return the report of a comparison, finished or not, as a self-contained HTML page.

    Its scripts are Plotly and report.js; a content security policy forbids all requests. With the same versions, the
    same findings give the same page, byte for byte.
    """
    confusions, measured = _confusions(findings), of_each_network(findings)
    drawings = {name: drawn for name, document in findings.drawings.items() if (drawn := inlined(document))}
    return (
        templates()
        .get_template("report.html")
        .render(
            findings=findings,
            results=findings.results,
            title=numbers.title([model.name for model in findings.results.models], findings.results.protocol.data.name),
            verdicts=leading_pairs(findings.results),
            places=_places(findings.results),
            charts=_charts(findings, confusions, measured),
            costs=[
                {"cost": cost, "front": front(findings.results.models, cost)}
                for cost in known_costs(findings.results.models)
            ],
            first_costs=FIRST,
            measures=measured,
            columns=columns_of(findings.results.models),
            difference_columns=difference_columns(findings.results.comparisons),
            two_best=_two_best(confusions, findings.results),
            curve_ends=_curve_ends(findings),
            confusions=confusions,
            intervals_in_words=figures.describe_intervals(findings.results.models),
            mapped=_mapped(findings),
            left_out=_left_out(findings),
            drawings=drawings,
            drawings_in_the_dark=dark_style(list(drawings.values())),
            imbalance=IMBALANCE,
            plotly=packed_plotly(),
        )
    )


@lru_cache(maxsize=1)
def templates() -> Environment:
    """Return the templates of all pages, with the filters that format numbers."""
    templates = template_environment()
    templates.filters |= {
        "count": numbers.count,
        "scaled": numbers.scaled,
        "percent": numbers.percent,
        "points": numbers.points,
        "signed": numbers.signed,
        "p_value": numbers.p_value,
        "rate": numbers.rate,
        "num_bytes": numbers.num_bytes,
        "unbroken": numbers.unbroken,
        "shape": numbers.shape,
        "setting": numbers.setting,
        "png": png_data_uri,
        "heat": heat_data_uri,
        "strongest": strongest,
        "source_of_uncertainty": sentences.uncertainty,
    }
    templates.globals |= {"interval": numbers.percent_interval, "metric_of": metric_of}
    templates.globals |= {"sentences": sentences, "health_sentence": health_sentence, "failure_limit": failure_limit}
    templates.globals |= {"color": figures.color, "dash": figures.dash}
    return templates


@lru_cache(maxsize=1)
def packed_plotly() -> str:
    """Return Plotly's script, compressed (2.0 MB instead of 4.8 MB per report); the page decompresses it."""
    return base64.b64encode(gzip.compress(get_plotlyjs().encode(), mtime=0)).decode("ascii")


def _places(results: Results) -> dict[str, int]:
    """Return each network's position in the results, which determines its color."""
    return {model.name: place for place, model in enumerate(results.models)}


def _charts(
    findings: Findings, confusions: list[dict[str, Any]], measured: tuple[PooledMeasures, ...]
) -> dict[str, Markup]:
    """Return the charts for which there are data, by the id of their element in the page."""
    results = findings.results
    names = [model.name for model in results.models]
    classes = results.protocol.data.class_names
    charts = {}
    if results.models:
        charts["intervals"] = figures.top1_intervals(results.models)
    if len(results.models) > 1:
        charts |= {f"cost-{cost.id}": accuracy_against(results.models, cost) for cost in known_costs(results.models)}
    if 0 < len(results.comparisons) <= PAIRS_IN_CHART:
        charts["differences"] = figures.differences(results.comparisons, results.protocol.margin)
    if 2 < len(results.models) <= NETWORKS_IN_MATRIX:
        charts["pair-matrix"] = measure_charts.pair_matrix(results.models, results.comparisons)
    if any(run.epochs for run in findings.runs):
        charts["top1-curves"] = figures.learning_curves(findings.runs, names, "validation_top1", percent=True)
        charts["loss-curves"] = figures.learning_curves(findings.runs, names, "train_loss", percent=False)
    places = _places(results)
    for found in measured:
        place = places[found.model]
        if found.reliability:
            charts[f"reliability-{place}"] = measure_charts.reliability_diagram(found, place)
    if len(measured) > 1:
        charts["classes"] = measure_charts.class_differences(measured, classes, places)
    if len(classes) <= CLASSES_IN_CHART:
        for shown in confusions:
            charts[shown["id"]] = figures.confusion_heatmap(shown["counts"], classes)
        if len(confusions) > 1:
            a, b = _two_best(confusions, results)
            shares = (row_shares(a["counts"]), row_shares(b["counts"]))
            charts["confusion-difference"] = measure_charts.confusion_difference(*shares, classes)
    # Plotly writes < as \u003c in JSON, so that no name in it can end the script element around it
    return {name: Markup(chart.to_json()) for name, chart in charts.items()}


def _mapped(findings: Findings) -> list[ShownImage]:
    """Return the images with activation maps, each once: first those on which networks disagree."""
    shown = {image.id: image for image in (*findings.disagreed, *findings.mistaken) if image.maps}
    return list(shown.values())


def _left_out(findings: Findings) -> list[str]:
    """Return the networks that were left out when images were chosen, because their predictions were imported."""
    included = {answer.model for image in (*findings.disagreed, *findings.mistaken) for answer in image.answers}
    return [model.name for model in findings.results.models if included and model.name not in included]


def _two_best(confusions: list[dict[str, Any]], results: Results) -> list[dict[str, Any]]:
    """Return the confusion matrices of the two networks with the highest top-1, best first."""
    top1 = {model.name: model.top1.mean for model in results.models}
    return sorted(confusions, key=lambda shown: -top1[shown["model"]])[:2]


def _confusions(findings: Findings) -> list[dict[str, Any]]:
    """Return each network's confusion matrix and its largest off-diagonal cells."""
    shown = []
    for place, model in enumerate(findings.results.models):
        runs = [run for run in findings.runs if run.model == model.name]
        if runs:
            classes = len(findings.results.protocol.data.class_names)
            shown.append(
                {
                    "id": f"confusion-{place}",
                    "model": model.name,
                    "runs": len(runs),
                    "answers": len(runs) * len(runs[0].labels),
                    "counts": confusion(runs, classes) if classes <= CLASSES_IN_CHART else None,
                    "mistakes": frequent_mistakes(runs),
                }
            )
    return shown


def _curve_ends(findings: Findings) -> list[dict[str, Any]]:
    """Return the last epoch of each network, as means over its seeds: the text alternative to the learning curves."""
    ends = []
    for model in findings.results.models:
        last = [run.epochs[-1] for run in findings.runs if run.model == model.name and run.epochs]
        if last:
            top1 = float(np.mean([epoch.validation_top1 for epoch in last]))
            loss = float(np.mean([epoch.train_loss for epoch in last]))
            ends.append({"model": model.name, "epoch": max(epoch.epoch for epoch in last), "top1": top1, "loss": loss})
    return ends
