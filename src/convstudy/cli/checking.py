"""`convstudy check` and `convstudy build`: claimed layer tables, checked and built."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from convstudy.cli.options import Classes, InputShape, TableOrJson, at_input

Table = Annotated[
    Path,
    typer.Argument(
        metavar="TABLE",
        help="A layer table: TSV, CSV, Markdown, LaTeX, Excel, or a printout of Keras, torchinfo or torchsummary.",
    ),
]


def check(
    table: Table,
    model: Annotated[str | None, typer.Option(help="Check against this network instead of the table itself.")] = None,
    input_shape: InputShape = None,
    classes: Classes = None,
    output_format: TableOrJson = "table",
) -> None:
    """Check every cell of a claimed layer table, and name the mistake behind each wrong number.

    Exit status 0: every claim holds; 1: a claim is wrong; 2: the table cannot be read.
    """
    import json

    from rich.console import Console

    from convstudy.analysis.checking import check as check_table
    from convstudy.claims import read_table
    from convstudy.report.terminal import check_report
    from convstudy.study import layer_table

    claimed = read_table(table)
    rows = None
    if model is not None:
        rows = layer_table(*at_input(model, input_shape, classes)).rows
    report = check_table(claimed, rows)
    if output_format == "json":
        typer.echo(json.dumps(report.to_json(), indent=2, ensure_ascii=False))
    else:
        Console().print(check_report(report))
    raise typer.Exit(0 if report.holds else 1)


def build(table: Table) -> None:
    """Print the network that a layer table describes as a plain PyTorch module."""
    from convstudy.analysis.checking import module_source
    from convstudy.claims import read_table

    typer.echo(module_source(read_table(table)), nl=False)
