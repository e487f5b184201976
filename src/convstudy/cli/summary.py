"""`convstudy summary`: a network's layer table."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from convstudy.cli.options import Classes, InputShape, ModelName, at_input


class Format(StrEnum):
    """How a layer table is printed."""

    table = "table"
    csv = "csv"
    json = "json"
    html = "html"


def summary(
    model: ModelName,
    input_shape: InputShape = None,
    classes: Classes = None,
    output_format: Annotated[Format, typer.Option("--format", help="For people, or for programs.")] = Format.table,
) -> None:
    """Print a network's layer table: output shape, activation size, parameters and MACs of each layer.

    The other formats also have the receptive field, stride, bytes and the backward pass.
    """
    import json

    from rich.console import Console

    from convstudy.report.terminal import layer_table as drawn
    from convstudy.study import layer_table

    table = layer_table(*at_input(model, input_shape, classes))
    if output_format is Format.json:
        typer.echo(json.dumps(table.to_dict(), indent=2, ensure_ascii=False))
    elif output_format is Format.csv:
        typer.echo(table.to_pandas().to_csv(), nl=False)
    elif output_format is Format.html:
        typer.echo(table.to_pandas().to_html())
    else:
        Console().print(drawn(table))
