"""A layer table for documents: Markdown, LaTeX and HTML."""

from __future__ import annotations

from typing import TYPE_CHECKING

from convstudy.analysis import LayerTable
from convstudy.report import numbers

if TYPE_CHECKING:
    import pandas as pd

HEADS = ("layer", "kind", "output shape", "activation size", "parameters", "MACs", "receptive field", "stride")
ALIGNMENT = ("left", "left", *("right",) * 6)


def markdown(table: LayerTable) -> str:
    """Return a table in GitHub Markdown, with the totals in the last row."""
    return frame(table).to_markdown(index=False, disable_numparse=True, colalign=ALIGNMENT)


def latex(table: LayerTable) -> str:
    """Return a LaTeX `tabular` (package booktabs), with the totals in the last row."""
    return frame(table).to_latex(index=False, escape=True, column_format="llrrrrrr").replace("×", r"$\times$")


def html(table: LayerTable) -> str:
    """Return an HTML `<table>` element, with the totals in the last row."""
    return frame(table).to_html(index=False, border=0)


def frame(table: LayerTable) -> pd.DataFrame:
    """Return the formatted columns."""
    import pandas as pd  # noqa: PLC0415

    rows = [
        (
            row.path,
            row.kind,
            "×".join(map(str, row.output_shape)),
            numbers.count(row.activation_size),
            numbers.count(row.parameters),
            numbers.count(row.macs),
            numbers.square(row.receptive_field),
            numbers.square(row.stride),
        )
        for row in table
    ]
    totals = [numbers.count(sum_) for sum_ in (table.totals.activation_size, table.totals.parameters)]
    macs = f"{'≥ ' if table.is_lower_bound else ''}{numbers.count(table.totals.macs)}"
    return pd.DataFrame([*rows, ("total", "", "", *totals, macs, "", "")], columns=list(HEADS))
