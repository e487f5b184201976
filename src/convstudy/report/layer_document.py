"""A layer table for documents: Markdown, LaTeX and HTML."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from jinja2 import Environment
from markupsafe import Markup, escape

from convstudy.analysis import LayerTable
from convstudy.report import numbers
from convstudy.report.pages import template_environment

if TYPE_CHECKING:
    import pandas as pd

HEADS = ("layer", "kind", "output shape", "activation size", "parameters", "MACs", "receptive field", "stride")
CONVENTION = (
    "MACs: multiply-accumulates of convolutions and matrix products, without biases. Activation size: number of values "
    "that a layer computes. Parameters: weights and biases."
)
ALIGNMENT = ("left", "left", *("right",) * 6)


def markdown(table: LayerTable) -> str:
    """Return a table in GitHub Markdown, with the totals in the last row."""
    return frame(table).to_markdown(index=False, disable_numparse=True, colalign=ALIGNMENT)


def latex(table: LayerTable) -> str:
    """Return a LaTeX `tabular` (package booktabs), with the totals in the last row."""
    return frame(table).to_latex(index=False, escape=True, column_format="llrrrrrr").replace("×", r"$\times$")


def html(table: LayerTable, name: str = "Layers") -> str:
    """Return a page with the table, which works offline; the totals are in the last row."""
    *rows, totals = frame(table).itertuples(index=False, name=None)
    return page(
        "layers.html",
        title=name,
        basis=basis(table),
        picture="",
        heads=HEADS,
        rows=rows,
        totals=totals,
        convention=CONVENTION,
    )


def basis(table: LayerTable) -> str:
    """Return the input of a network and its totals, in a sentence."""
    inputs = " and ".join(numbers.shape(row.output_shape) for row in table if row.kind == "Input")
    found = ", ".join(f"{value} {name}" for name, value in sums(table))
    return f"{f'Counted at an input of {inputs}: ' if inputs else ''}{found}."


def sums(table: LayerTable) -> list[tuple[str, str]]:
    """Return the totals by name; MACs that are not complete as a lower bound."""
    bound = "≥ " if table.is_lower_bound else ""
    return [
        ("parameters", numbers.count(table.totals.parameters)),
        ("MACs", f"{bound}{numbers.count(table.totals.macs)}"),
        ("activations", numbers.count(table.totals.activation_size)),
    ]


def page(template: str, **values: Any) -> str:
    """Return a page of its own, with the style of the report."""
    return templates().get_template(template).render(**values)


@lru_cache(maxsize=1)
def templates() -> Environment:
    found = template_environment()
    found.filters |= {"shape": numbers.shape, "at_dots": at_dots}
    return found


def at_dots(path: str) -> Markup:
    """Return the path of a layer, which a narrow page may break after each dot.

    >>> at_dots("layer2.0.conv1")
    Markup('layer2.<wbr>0.<wbr>conv1')
    """
    return escape(path).replace(".", Markup(".<wbr>"))


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
