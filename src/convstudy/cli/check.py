"""`convstudy check`: a layer table, checked cell by cell."""

from __future__ import annotations

from typing import Annotated

import typer

from convstudy.cli.options import Classes, InputShapes, Table, TableOrJson, at_inputs


def check(
    table: Table,
    model: Annotated[
        str | None, typer.Option(help="Check the table against this network instead of for consistency with itself.")
    ] = None,
    inputs: InputShapes = None,
    classes: Classes = None,
    output_format: TableOrJson = "table",
) -> None:
    """Check every cell of a layer table, such as one from a homework, and name the mistake behind each wrong number.

    Exit status: 0 if every number is right, 1 if a number is wrong, 2 if the table cannot be read.
    """
    import json

    from rich.console import Console

    from convstudy.claims import read_table
    from convstudy.claims.checking import check as check_table
    from convstudy.report.terminal import check_report
    from convstudy.study import prints_on_standard_error

    claimed = read_table(table)
    rows = None
    if model is not None:
        with prints_on_standard_error():
            rows = at_inputs(model, inputs, classes).count().rows
    report = check_table(claimed, rows)
    if output_format == "json":
        typer.echo(json.dumps(report.to_json(), indent=2, ensure_ascii=False))
    else:
        Console().print(check_report(report))
    raise typer.Exit(0 if report.holds else 1)
