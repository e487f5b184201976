"""The drawings of networks: written into the folder of a comparison, and shown in its report."""

from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree

from markupsafe import Markup

from convstudy.analysis import Inputs
from convstudy.drawing import draw_graph
from convstudy.files import whole_file
from convstudy.study import ClaimedComparison, Findings, Model, TrainedRun, network_at_inputs
from convstudy.study.comparisons.drawings import drawing_path
from convstudy.wording import reason_of

WIDTH = 400.0  # px; on a phone, its text is 8 px or larger
SVG = "{http://www.w3.org/2000/svg}"
ELEMENTS = {f"{SVG}{name}" for name in ("svg", "title", "desc", "g", "rect", "polygon", "circle", "path", "text")}
ATTRIBUTES = frozenset({
    "viewBox", "font-family", "font-size", "font-weight", "text-anchor", "role", "transform", "d", "points", "x", "y",
    "width", "height", "rx", "cx", "cy", "r", "fill", "stroke", "stroke-width", "stroke-dasharray", "stroke-linejoin",
})  # fmt: skip


def write_drawings(claimed: ClaimedComparison) -> dict[str, str]:
    """Write the drawing of each network that has none yet; return why, for each that cannot be drawn.

    No error of a drawing ends a comparison.
    """
    comparison, reasons = claimed.comparison, {}
    for entrant in comparison.entrants:
        path = drawing_path(claimed.folder, entrant)
        if path.exists():
            continue
        try:
            model = comparison.models[entrant.name]
            picture = _drawing(entrant.name, model, entrant.input_shape, entrant.num_classes)
            with whole_file(path) as draft:
                draft.write_text(picture, encoding="utf-8", newline="\n")
        except Exception as error:  # also of user code
            reasons[entrant.name] = reason_of(error)
    return reasons


def with_drawing(findings: Findings, run: TrainedRun) -> Findings:
    """Return the findings of a run with the drawing of its network; unchanged if that cannot be drawn."""
    shape, classes = run.preprocessing.input_shape, len(run.class_names)
    try:
        picture = _drawing(run.name, run.model(), shape, classes)
    except Exception:  # also of user code
        return findings
    return replace(findings, drawings={run.name: picture})


def _drawing(name: str, model: Model, shape: tuple[int, int, int], classes: int) -> str:
    at = network_at_inputs(model, Inputs((shape,)), classes=classes)
    return draw_graph(name, at.graph(), level="overview", width=WIDTH).svg


def inlined(document: str) -> Markup | None:
    """Return a stored drawing as an element of a page: shapes and text alone; None if it is no SVG."""
    try:
        root = ElementTree.fromstring(document)
    except ElementTree.ParseError:
        return None
    if root.tag != f"{SVG}svg" or not root.get("viewBox"):
        return None
    for name in ("width", "height"):
        root.attrib.pop(name, None)
    _clean(root)
    return Markup(ElementTree.tostring(root, encoding="unicode").replace("\n", ""))


def _clean(element: ElementTree.Element) -> None:
    """Remove all elements and attributes that a drawing does not have, such as scripts, and the namespace."""
    element.tag = element.tag.removeprefix(SVG)
    for name in set(element.attrib) - ATTRIBUTES:
        del element.attrib[name]
    for child in list(element):
        if child.tag in ELEMENTS:
            _clean(child)
        else:
            element.remove(child)
