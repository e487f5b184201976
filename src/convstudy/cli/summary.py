"""`convstudy summary`: the layer table of a network."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from convstudy.cli.options import Classes, InputShapes, ModelName, at_inputs
from convstudy.cli.torch_import import import_torch

if TYPE_CHECKING:
    from convstudy.analysis import LayerTable, TrainingMemory
    from convstudy.study import NetworkAtInputs


class TableFormat(StrEnum):
    """A format in which a layer table can be printed."""

    table = "table"
    csv = "csv"
    json = "json"
    markdown = "markdown"
    latex = "latex"
    html = "html"


def summary(
    model: ModelName,
    inputs: InputShapes = None,
    classes: Classes = None,
    depth: Annotated[
        int | None,
        typer.Option(help=r"Sum up modules nested deeper than this. \[default: show every layer]", show_default=False),
    ] = None,
    fold: Annotated[
        bool, typer.Option("--fold", help="Show repeated blocks once, with the number of repetitions.")
    ] = False,
    channels_last: Annotated[
        bool, typer.Option("--channels-last", help="Print shapes as height x width x channels.")
    ] = False,
    training: Annotated[
        bool, typer.Option("--training", help="Count in training mode, including auxiliary branches.")
    ] = False,
    batch_size: Annotated[
        int, typer.Option("--batch-size", "-b", help="Batch size for the predicted memory of a training step.")
    ] = 32,
    opt: Annotated[
        str,
        typer.Option(
            "--opt",
            "--optimizer",
            help="Optimizer for that prediction: sgd, momentum, rmsprop, adam or adamw.",
        ),
    ] = "momentum",
    output_format: Annotated[
        TableFormat,
        typer.Option(
            "--format",
            help="table for reading, csv or json for programs, markdown or latex for documents, html for a page.",
        ),
    ] = TableFormat.table,
) -> None:
    """Print the layer table of a network: output shape, activation size, parameters and MACs of each layer.

    Terminals with at least 124 columns also show receptive field and stride, those with at least 150 also bytes; csv
    and json contain all columns, including the backward pass.
    """
    import json

    import_torch()
    from rich.console import Console

    from convstudy.analysis import at_depth
    from convstudy.analysis import channels_last as with_channels_last
    from convstudy.report.terminal import layer_table as drawn
    from convstudy.study import prints_on_standard_error

    with prints_on_standard_error():
        at = at_inputs(model, inputs, classes)
        table = at.count(training=training)
    table = at_depth(table, depth) if depth is not None else table
    table = with_channels_last(table) if channels_last else table
    if output_format not in {TableFormat.table, TableFormat.json}:
        typer.echo(_document(table, output_format, at.name), nl=False)
        return
    with prints_on_standard_error():
        memory = _training_memory(at, batch_size, opt)
    if output_format is TableFormat.json:
        typer.echo(json.dumps(table.to_dict() | {"training_memory": memory and memory.to_dict()}, indent=2))
    else:
        Console().print(drawn(table, memory=memory, folded=fold))


def _training_memory(at: NetworkAtInputs, batch_size: int, optimizer: str) -> TrainingMemory | None:
    """Return the memory of a training step, or report why it cannot be predicted for a network that can be counted."""
    from convstudy.errors import ModelError, ShapeError

    try:
        return at.training_memory(batch_size=batch_size, optimizer=optimizer)
    except (ModelError, ShapeError) as error:
        typer.echo(f"cannot predict the memory of a training step: {error}", err=True)
        return None


def _document(table: LayerTable, form: TableFormat, name: str) -> str:
    from convstudy.report import layer_document

    if form is TableFormat.csv:
        return table.to_pandas().to_csv()
    if form is TableFormat.html:
        return layer_document.html(table, name)
    write = {TableFormat.markdown: layer_document.markdown, TableFormat.latex: layer_document.latex}[form]
    return write(table).rstrip("\n") + "\n"
