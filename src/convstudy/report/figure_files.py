"""The charts of a comparison as files for a paper: SVG and PDF."""

from __future__ import annotations

import re
from pathlib import Path

from convstudy.drawing.pdf import pdf
from convstudy.drawing.svg import svg
from convstudy.files import whole_file
from convstudy.report.charts.axes import WIDTH
from convstudy.report.charts.forest import top1_intervals
from convstudy.report.html import confusions_of
from convstudy.report.measures import by_class, of_each_network, order_of_classes
from convstudy.report.page_charts import charts_of
from convstudy.report.shareable import shareable
from convstudy.study.comparisons.results import Findings

OF_NETWORK = re.compile(r"(.*)-(\d+)")  # id of a chart of one network, by its position in the results


def write_figures(findings: Findings, folder: Path) -> tuple[Path, ...]:
    """Write each chart of the report as an SVG and a PDF file, named as what it shows, and return their paths.

    Raises: OSError, if the folder cannot be written to.
    """
    findings = shareable(findings)
    measured = of_each_network(findings)
    classes = order_of_classes(measured) if len(findings.results.protocol.data.class_names) > 1 else []
    charts = charts_of(findings, confusions_of(findings), measured, by_class(findings, classes), classes)
    if "intervals" in charts:  # at the width of a text of 345 pt
        charts["intervals"] = (top1_intervals(findings.results.models, WIDTH),)
    names = [model.name for model in findings.results.models]
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, (scene, *_) in charts.items():
        for suffix, content in ((".svg", svg(scene).encode()), (".pdf", pdf(scene))):
            path = folder / f"{_file_name(name, names)}{suffix}"
            with whole_file(path, keep_hard_links=True) as draft:
                draft.write_bytes(content)
            written.append(path)
    return tuple(written)


def _file_name(chart: str, networks: list[str]) -> str:
    """Return the name of a file without suffix: the network of a chart in place of its position.

    >>> _file_name("confusion-1", ["net", "own.py:Deep"]), _file_name("cost-macs", ["net"])
    ('confusion-1-own.py-Deep', 'cost-macs')
    """
    found = OF_NETWORK.fullmatch(chart)
    if found is None:
        return chart
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", networks[int(found[2])]).strip("-.")[:60]
    return f"{chart}-{name}"
