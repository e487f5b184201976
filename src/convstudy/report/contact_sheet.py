"""The contact sheet: problems found in a data set, and some images of each class, in one HTML file."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from convstudy.errors import printable
from convstudy.files import whole_file
from convstudy.report import numbers
from convstudy.report.page_images import data_uri
from convstudy.report.pages import template_environment

if TYPE_CHECKING:
    from convstudy.data import Finding, Inspection

# Numbers of items shown
IMAGES_PER_CLASS = 8
GROUPS = 24  # of images per finding
CLASSES = 100
PARTS = {"train": "training set", "validation": "validation set", "test": "test set"}


def write_contact_sheet(inspection: Inspection, path: Path) -> None:
    """Write the page to `path` atomically: findings with their images, then some images of each class."""
    templates = template_environment()
    templates.filters |= {"count": numbers.count}
    page = templates.get_template("contact_sheet.html").render(
        name=printable(inspection.root.resolve().name),
        images=len(inspection.files),
        findings=[_finding(inspection, finding) for finding in inspection.findings],
        sheets=_sheets(inspection),
        left_out=max(len(_by_class(inspection)) - CLASSES, 0),
    )
    with whole_file(path, keep_hard_links=True) as draft:
        draft.write_text(page, encoding="utf-8", newline="\n")


def _finding(inspection: Inspection, finding: Finding) -> dict[str, Any]:
    return {
        "sentence": finding.sentence,
        "kind": finding.kind,
        "contaminates": finding.contaminates,
        "groups": [_shown(inspection, group) for group in finding.images[:GROUPS]],
        "more": max(len(finding.images) - GROUPS, 0),
    }


def _by_class(inspection: Inspection) -> dict[tuple[str, str], list[str]]:
    names = defaultdict(list)
    for file in inspection.files:
        if file.look:
            names[file.class_name or "no class", PARTS.get(file.part or "", "")].append(file.name)
    return names


def _sheets(inspection: Inspection) -> list[dict[str, Any]]:
    """Return some images of each class and set, taken at even distances."""
    sheets = []
    for (class_name, part), names in sorted(_by_class(inspection).items())[:CLASSES]:
        chosen = [
            names[place] for place in np.unique(np.linspace(0, len(names) - 1, IMAGES_PER_CLASS).round().astype(int))
        ]
        shown = _shown(inspection, chosen)
        sheets.append({"class_name": class_name, "part": part, "count": len(names), "images": shown})
    return sheets


def _shown(inspection: Inspection, names: Iterable[str]) -> list[dict[str, str]]:
    return [{"name": name, "address": _address(inspection, name)} for name in names]


def _address(inspection: Inspection, name: str) -> str:
    """Return the image as a PNG data URI, or an empty string if it cannot be decoded."""
    from convstudy.data import thumbnail  # noqa: PLC0415

    pixels = thumbnail(inspection, name)
    return "" if pixels is None else data_uri(pixels)
