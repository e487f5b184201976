"""The style shared by all tables."""

from __future__ import annotations

from collections.abc import Iterable

from rich import box
from rich.cells import cell_len
from rich.table import Table


def plain_table(*columns: str, numeric: Iterable[str]) -> Table:
    """Return an empty table: text columns, which wrap, then number columns, which do not."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    for name in columns:
        table.add_column(name, overflow="fold", min_width=11)
    for name in numeric:
        table.add_column(name, justify="right", no_wrap=True)
    return table


def natural_width(table: Table) -> int:
    r"""Return the width in columns at which no line of a `plain_table` wraps. Rich would lay out every cell for it.

    >>> table = plain_table("layer", "kind", numeric=["output\nshape"])
    >>> table.add_row("features.0.conv", "Conv2d", "64x7x7")
    >>> natural_width(table)
    36
    """
    widths = []
    for column in table.columns:
        lines = [line for cell in (column.header, *column.cells, column.footer) for line in str(cell).split("\n")]
        widths.append(max(column.min_width or 0, *map(cell_len, lines)))
    return sum(widths) + 2 * (len(widths) - 1)
