"""The wrong cells of a table, each with the modules that its row describes, for figures."""

from __future__ import annotations

from dataclasses import dataclass

from convstudy.claims.checking.checker import check_one
from convstudy.claims.checking.construction import steps_of
from convstudy.claims.checking.findings import CheckedCell, CheckReport
from convstudy.claims.printed_shape import in_layout
from convstudy.claims.table import ClaimedTable


@dataclass(frozen=True)
class PlacedCell:
    """A wrong cell and the names of its row's modules in `table_network`: none for a total or a final softmax."""

    cell: CheckedCell
    modules: tuple[str, ...]

    @property
    def correct(self) -> str:
        return _printed(self.cell.correct, self.cell)

    @property
    def claimed(self) -> str:
        return _printed(self.cell.claimed, self.cell)


def wrong_cells(table: ClaimedTable) -> tuple[CheckReport, tuple[PlacedCell, ...]]:
    r"""Return the report on a table, of which a network can be built, and its wrong cells.

    Raises: ClaimError: as `table_network`.

    >>> from convstudy.claims.reading import parse_table
    >>> table = parse_table("layer\tshape\tparameters\nInput\t(32,32,3)\t0\nCONV1 (f=5, s=1)\t(28,28,8)\t208\n")
    >>> [(cell.modules, cell.correct, cell.claimed) for cell in wrong_cells(table)[1]]
    [(('conv1',), '608', '208')]
    """
    report = check_one(table, None)
    _, steps = steps_of(table)
    modules: dict[int, tuple[str, ...]] = {}
    for number, row in enumerate(table.rows):
        if row.layer.kind == "input":
            modules[number] = ("input",)
    for step in steps:
        modules[step.row] = (*modules.get(step.row, ()), step.name)
    return report, tuple(PlacedCell(cell, modules.get(cell.number, ())) for cell in report.wrong)


def _printed(value: object, cell: CheckedCell) -> str:
    if isinstance(value, tuple):
        return f"({','.join(map(str, in_layout(value, cell.layout)))})"
    return f"{value:,}" if isinstance(value, int) else "unknown" if value is None else str(value)
