"""The HTML report: a single file that works offline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment
from markupsafe import Markup

from convstudy.data.findings import IMBALANCE
from convstudy.drawing.colours import DIVERGING, SERIES, SHARES
from convstudy.drawing.svg import dark_rules
from convstudy.files import whole_file
from convstudy.report import numbers, sentences
from convstudy.report.card import card
from convstudy.report.charts import axes, costs, forest, reliability
from convstudy.report.confusion import confusion, frequent_mistakes
from convstudy.report.health import failure_limit, health_sentence
from convstudy.report.leading_pairs import leading_pairs
from convstudy.report.measures import (
    by_class,
    columns_of,
    difference_columns,
    metric_of,
    of_each_network,
    order_of_classes,
)
from convstudy.report.networks import inlined
from convstudy.report.page_charts import CLASSES_IN_CHART, Charts, charts_of, on_page, two_best
from convstudy.report.page_images import PageImages, heat_data_uri, strongest
from convstudy.report.pages import template_environment
from convstudy.report.run_choice import runs_to_use
from convstudy.report.shareable import folder_words, shareable
from convstudy.study.comparisons.results import Findings, Results, ShownImage

DARK = "@media screen and (prefers-color-scheme:dark){%s}"
CELLS_OF_MAPS = 7  # rows and columns below which an activation map says little about where
CELLS_OF_CLASSES = 200  # classes x networks for which top-1 per class is shown
FEWEST_CLASSES = 12
LETTERS_OF_DRAWINGS = 36_000  # of all drawings of networks together
COLUMNS = (  # of the table of results, each left out if no network has it
    "parameters", "macs", "activation_size", "input_shape", "train_seconds", "latency_ms",
    "inference_images_per_second", "training_step_bytes",
)  # fmt: skip


def write_html(
    findings: Findings,
    path: Path,
    *,
    title: str | None = None,
    folder: Path | None = None,
    paper: str = "",
) -> None:
    """Write the report to `path` atomically; `folder` is that of the comparison, by default the one of `path`.

    `title` replaces the names of networks and data; `paper` is the size on which it is printed, a4 or letter.

    Raises: OSError, if the folder cannot be written to.
    """
    page = html(findings, title=title, folder=folder or _of_comparison(path.parent), paper=paper)
    with whole_file(path, keep_hard_links=True) as draft:
        draft.write_text(page, encoding="utf-8", newline="\n")


def _of_comparison(folder: Path) -> Path | None:
    return folder if any((folder / name).exists() for name in ("comparison.json", "run.json")) else None


def html(findings: Findings, *, title: str | None = None, folder: Path | None = None, paper: str = "") -> str:
    """Return the report of a comparison, finished or not, as a self-contained HTML page.

    Its charts are SVG; a content security policy forbids all requests. With the same versions, the same findings give
    the same page, byte for byte. Absolute paths are cut.
    """
    chosen = runs_to_use(findings, folder) if folder else {}
    shown = shareable(findings)
    renamed = dict(zip((model.name for model in findings.results.models), shown.results.models, strict=True))
    runs = {renamed[name].name: run for name, run in chosen.items()}
    return _page(shown, title or title_of(shown.results), folder_words(folder) if folder else "", runs, paper)


def title_of(results: Results) -> str:
    """Return the title of a report: its networks and its data set."""
    return numbers.title([model.name for model in results.models], results.protocol.data.name)


def _page(findings: Findings, title: str, folder: str, runs: Mapping[str, str], paper: str) -> str:
    results = findings.results
    confusions, measured = confusions_of(findings), of_each_network(findings)
    most = max(CELLS_OF_CLASSES // max(len(measured), 1), FEWEST_CLASSES)
    classes = order_of_classes(measured)[:most] if len(results.protocol.data.class_names) > 1 else []
    of_classes = by_class(findings, classes)
    charts = charts_of(findings, confusions, measured, of_classes, classes)
    drawings, undrawn = _drawings(findings)
    images = PageImages((findings.disagreed, findings.mistaken))
    mapped, unmapped = _mapped(findings, images)
    return (
        templates()
        .get_template("report.html")
        .render(
            findings=findings,
            results=results,
            title=title,
            paper=paper,
            date=results.environment.get("date", ""),
            card=card(findings, folder, runs),
            verdicts=leading_pairs(results),
            places={model.name: place for place, model in enumerate(results.models)},
            charts=charts,
            costs=[
                {"cost": cost, "front": costs.front(results.models, cost)} for cost in costs.known_costs(results.models)
            ],
            measures=measured,
            reliability_left_out=sum(map(reliability.left_out, measured)),
            fewest_answers=reliability.FEWEST,
            shown_classes=classes,
            of_classes=of_classes,
            columns=columns_of(results.models),
            difference_columns=difference_columns(results.comparisons),
            two_best=two_best(confusions, results),
            curve_ends=_curve_ends(findings),
            confusions=confusions,
            intervals_in_words=forest.describe_intervals(results.models),
            images=images,
            mapped=mapped,
            unmapped=unmapped,
            coarse={model for model, _ in unmapped},
            has_reliability=any(name.startswith("reliability-") for name in charts),
            left_out=_left_out(findings),
            drawings=drawings,
            undrawn=undrawn,
            measured_costs={
                field for field in COLUMNS if any(getattr(each, field) is not None for each in results.models)
            },
            imbalance=IMBALANCE,
            **colors(charts, drawings.values()),
        )
    )


def colors(charts: Charts, drawings: Sequence[Markup] | Any = ()) -> dict[str, Any]:
    """Return what the style of a page needs: the colors of networks and cells, and those of charts on dark paper."""
    pairs = {
        f"{kind}-{number}": pair
        for kind, of_kind in (("series", SERIES), ("share", SHARES), ("diverging", DIVERGING))
        for number, pair in enumerate(of_kind)
    }
    drawn = "".join([*(str(on_page(scenes, "")) for scenes in charts.values()), *map(str, drawings)])
    return {"color_pairs": pairs, "dark_charts": Markup(DARK % dark_rules(drawn, "svg "))}


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
        "heat": heat_data_uri,
        "strongest": strongest,
        "source_of_uncertainty": sentences.uncertainty,
    }
    templates.globals |= {"interval": numbers.percent_interval, "metric_of": metric_of, "drawn": on_page}
    templates.globals |= {"sentences": sentences, "health_sentence": health_sentence, "failure_limit": failure_limit}
    templates.globals |= {"color": color, "dashes": dashes}
    return templates


def color(place: int) -> str:
    """Return the color of a network as a variable of the style."""
    return f"var(--series-{place % len(SERIES)})"


def dashes(place: int) -> str:
    """Return the dashes of a network as an SVG attribute has them; empty for a solid line."""
    return " ".join(f"{length:g}" for length in axes.dashes(place))


def _drawings(findings: Findings) -> tuple[dict[str, Markup], list[str]]:
    """Return the drawings that the page has room for, and the names of the other networks that have one."""
    found, left, letters = dict[str, Markup](), list[str](), 0
    for name, document in findings.drawings.items():
        drawn = inlined(document)
        letters += len(drawn or "")
        if drawn and (letters <= LETTERS_OF_DRAWINGS or not found):
            found[name] = drawn
        elif drawn:
            left.append(name)
    return found, left


def _mapped(findings: Findings, images: PageImages) -> tuple[list[ShownImage], list[tuple[str, str]]]:
    """Return the images with maps that are fine enough, each once, and why other networks have no maps."""
    sides: dict[str, int] = {}
    for image in (*findings.disagreed, *findings.mistaken):
        sides |= {each.model: min(each.values.shape) for each in image.maps}
    coarse = {model for model, side in sides.items() if side < CELLS_OF_MAPS}
    reasons = [(source.model, source.reason) for source in findings.map_sources if not source.layer]
    reasons += [
        (model, f"its last feature map has {sides[model]} cells per side, fewer than {CELLS_OF_MAPS}")
        for model in sides
        if model in coarse
    ]
    shown = {image.id: image for image in (*findings.disagreed, *findings.mistaken) if image.id in images}
    fine = [image for image in shown.values() if any(each.model not in coarse for each in image.maps)]
    return fine, reasons


def _left_out(findings: Findings) -> list[str]:
    """Return the networks that were left out when images were chosen, because their predictions were imported."""
    included = {answer.model for image in (*findings.disagreed, *findings.mistaken) for answer in image.answers}
    return [model.name for model in findings.results.models if included and model.name not in included]


def confusions_of(findings: Findings) -> list[dict[str, Any]]:
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
            ends.append(
                {"model": model.name, "epoch": max(epoch.epoch for epoch in last)}
                | {
                    name: float(np.mean([getattr(epoch, name) for epoch in last]))
                    for name in ("validation_top1", "train_top1", "train_loss")
                }
            )
    return ends
