"""The style shared by all tables."""

from __future__ import annotations

from collections.abc import Iterable

from rich import box
from rich.table import Table


def plain_table(*columns: str, numeric: Iterable[str]) -> Table:
    """Return an empty table: text columns, which wrap, then number columns, which do not."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    for name in columns:
        table.add_column(name, overflow="fold", min_width=11)
    for name in numeric:
        table.add_column(name, justify="right", no_wrap=True)
    return table
