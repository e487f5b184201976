"""The findings of a check, as records."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from convstudy.claims.checking.mistakes import NamedMistake
from convstudy.claims.printed_number import PrintedNumber
from convstudy.claims.printed_shape import Layout, Shape, in_layout
from convstudy.claims.table import Quantity

if TYPE_CHECKING:
    import pandas as pd


SHOWN = ("row", "column", "claimed", "correct", "holds", "mistake", "formula")


@dataclass(frozen=True, kw_only=True)
class CheckedCell:
    """One claimed cell; `holds` is None if the table does not determine it. Shapes are channels first.

    `formula` is the right one with the numbers filled in; `explanation` names the mistake of a wrong cell, the simplest
    that gives exactly the claimed number, and `alternatives` the others that do. A cell that cannot be read has its
    text as claim, and a `reason`. `layout` is that of the cell's table, `number` the row in it and `table` its number
    in the file, both from 0.
    """

    row: str
    column: str
    quantity: Quantity
    claimed: PrintedNumber | Shape | str
    correct: int | Shape | None
    holds: bool | None
    formula: str = ""
    explanation: NamedMistake | None = None
    alternatives: tuple[NamedMistake, ...] = ()
    reason: str = ""
    layout: Layout = "channels first"
    number: int = 0
    table: int = 0

    @property
    def mistake(self) -> str | None:
        """Return the mistake's identifier; None if the cell holds, or no known mistake gives the number."""
        return self.explanation.mistake if self.explanation else None

    def to_json(self) -> dict[str, Any]:
        """Return the cell as JSON's types; shapes in the table's own order."""
        layout = self.layout
        explanation = self.explanation
        return {
            "row": self.row,
            "column": self.column,
            "quantity": self.quantity,
            "claimed": plain(self.claimed, layout),
            "correct": plain(self.correct, layout),
            "holds": self.holds,
            "mistake": self.mistake,
            "formula": self.formula,
            "explanation": explanation.sentence if explanation else None,
            "mistaken_formula": explanation.formula or None if explanation else None,
            "alternatives": [other.mistake for other in self.alternatives],
            "reason": self.reason or None,
        }


@dataclass(frozen=True)
class CheckReport:
    """Every claimed cell, checked, and notes on what was assumed or inferred."""

    source: str
    cells: tuple[CheckedCell, ...]
    notes: tuple[str, ...] = ()
    layout: Layout = "channels first"

    @property
    def wrong(self) -> tuple[CheckedCell, ...]:
        """Return the cells that do not hold, including those that only pass a wrong number on."""
        return tuple(cell for cell in self.cells if cell.holds is False)

    @property
    def passed_on(self) -> tuple[CheckedCell, ...]:
        """Return the wrong cells that follow correctly from another wrong cell."""
        return tuple(cell for cell in self.wrong if cell.mistake == "passed-on")

    @property
    def holds(self) -> bool:
        return not self.wrong

    def to_pandas(self) -> pd.DataFrame:
        """Return one row per cell: row, column, claimed, correct, holds, mistake, formula."""
        import pandas as pd  # noqa: PLC0415

        return pd.DataFrame(self.to_json()["cells"])[list(SHOWN)]

    def __repr__(self) -> str:
        return f"<CheckReport of {self.source}: {len(self.wrong)} of {len(self.cells)} cells are wrong>"

    def __str__(self) -> str:
        """Return the wrong cells as text."""
        cells = self.to_pandas()
        wrong = cells[cells["holds"] == False]  # noqa: E712 - None means unknown
        return wrong.drop(columns="holds").to_string(index=False) if len(wrong) else f"{self.source}: every claim holds"

    def _repr_html_(self) -> str:
        return self.to_pandas().to_html(index=False)

    def to_json(self) -> dict[str, Any]:
        """Return the report as JSON's types; shapes in the table's own order."""
        return {
            "table": self.source,
            "cells": [cell.to_json() for cell in self.cells],
            "wrong": len(self.wrong),
            "passed_on": len(self.passed_on),
            "unknown": sum(cell.holds is None for cell in self.cells),
            "notes": list(self.notes),
        }


def plain(value: PrintedNumber | Shape | int | str | None, layout: Layout) -> int | str | list[int] | None:
    if isinstance(value, PrintedNumber):
        return int(value.value) if value.exact else value.text
    return list(in_layout(value, layout)) if isinstance(value, tuple) else value
