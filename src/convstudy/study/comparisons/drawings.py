"""The drawings of the networks of a comparison, as files beside its report."""

from __future__ import annotations

from pathlib import Path

from convstudy.study.comparisons.folder import ComparisonFolder
from convstudy.study.comparisons.start import Start
from convstudy.study.models.entrant import Entrant


def drawing_path(folder: ComparisonFolder, entrant: Entrant) -> Path:
    """Return the file of a network's drawing."""
    return folder.path / f"{entrant.folder}.svg"


def drawings_of(folder: ComparisonFolder, start: Start) -> dict[str, str]:
    """Return the stored drawings as SVG, by network; networks without one are left out."""
    paths = {entrant.name: drawing_path(folder, entrant) for entrant in start.entrants}
    return {name: path.read_text(encoding="utf-8", errors="replace") for name, path in paths.items() if path.is_file()}
