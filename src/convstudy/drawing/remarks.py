"""Remarks on layers, which a picture shows beside them: the wrong cells of a layer table."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Remark:
    """What is wrong about a layer: its row, what it is about, the right value, and the claimed one.

    `paths` are those of the row's modules; the first that is drawn has the remark beside it.
    """

    paths: tuple[str, ...]
    row: str
    about: str
    right: str
    claimed: str

    @property
    def text(self) -> str:
        """Return the remark as one line."""
        return f"{self.about} {self.right}, not {self.claimed}"


@dataclass(frozen=True)
class Remarks:
    """All remarks on a network, and a line that explains them."""

    remarks: tuple[Remark, ...]
    caption: str


def table_remarks(model: str) -> Remarks | None:
    """Return the wrong cells of the table of `table:FILE`; None for another network.

    Raises: ClaimError, if the table cannot be read, or no network can be built from it.
    """
    if not model.startswith("table:"):
        return None
    from convstudy.claims import read_table  # noqa: PLC0415
    from convstudy.claims.checking import wrong_cells  # noqa: PLC0415

    path = Path(model.removeprefix("table:"))
    report, wrong = wrong_cells(read_table(path))
    remarks = tuple(Remark(each.modules, each.cell.row, each.cell.column, each.correct, each.claimed) for each in wrong)
    found = f"{len(wrong)} of {len(report.cells)} cells" if wrong else f"no mistake found in {len(report.cells)} cells"
    caption = f"{found} of {path.name}"
    return Remarks(remarks, f"marked: wrong cells, {caption}; the right value comes first" if wrong else caption)
