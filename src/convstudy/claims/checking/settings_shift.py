"""Tables whose columns of settings stand one row too high: each row then has the settings of the row below it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from convstudy.claims.layer_kind import LayerKind
from convstudy.claims.layer_text import LayerText
from convstudy.claims.table import ClaimedRow, ClaimedTable

MOVED = ("kernel", "stride", "padding", "dilation", "groups", "channels")


def settings_moved_down(table: ClaimedTable) -> Iterator[tuple[ClaimedTable, str]]:
    """Yield the table with its columns of settings moved down, and up, by one row, and the remark that says so."""
    names = [name for name in MOVED if name in table.settings]
    if not names:
        return
    columns = ", ".join(repr(table.settings[name]) for name in names)
    for step, place in ((-1, "high"), (1, "low")):
        rows = tuple(moved(table, number, number + step, names) for number in range(len(table.rows)))
        remark = (
            f"the columns {columns} stand one row too {place}: read one row further, they explain the other columns"
        )
        yield replace(table, rows=rows), remark


def moved(table: ClaimedTable, number: int, source: int, names: list[str]) -> ClaimedRow:
    row = table.rows[number]
    if row.layer.kind == LayerKind.TOTAL:
        return row
    other = table.rows[source].layer if 0 <= source < len(table.rows) else LayerText()
    return replace(row, layer=replace(row.layer, **{name: getattr(other, name) for name in names}))
