"""`convstudy summary`: a network's layer table."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from convstudy.cli.options import Classes, InputShape, ModelName, at_input

if TYPE_CHECKING:
    from convstudy.analysis import LayerTable, TrainingMemory


class Format(StrEnum):
    """How a layer table is printed."""

    table = "table"
    csv = "csv"
    json = "json"
    markdown = "markdown"
    latex = "latex"
    html = "html"


def summary(
    model: ModelName,
    input_shape: InputShape = None,
    classes: Classes = None,
    depth: Annotated[
        int | None,
        typer.Option(help=r"Sum up what lies deeper in the modules. \[default: every layer]", show_default=False),
    ] = None,
    fold: Annotated[bool, typer.Option("--fold", help="Draw repeated blocks once, with how often they come.")] = False,
    channels_last: Annotated[
        bool, typer.Option("--channels-last", help="Write shapes as height x width x channels.")
    ] = False,
    training: Annotated[
        bool, typer.Option("--training", help="Count in training mode, side branches included.")
    ] = False,
    batch_size: Annotated[
        int, typer.Option("--batch-size", "-b", help="Images of a training step, whose memory is predicted.")
    ] = 32,
    opt: Annotated[str, typer.Option(help="Optimiser of that step: sgd, momentum, rmsprop, adam, adamw.")] = "momentum",
    output_format: Annotated[
        Format, typer.Option("--format", help="For people, for programs, or for a document.")
    ] = Format.table,
) -> None:
    """Print a network's layer table: output shape, activation size, parameters and MACs of each layer.

    A terminal of 124 columns or more also shows the receptive field and stride, one of 150 the bytes; csv and json have
    all of it and the backward pass.
    """
    import json

    from rich.console import Console

    from convstudy.analysis import at_depth, count, training_memory
    from convstudy.analysis import channels_last as with_channels_last
    from convstudy.errors import ModelError
    from convstudy.report.terminal import layer_table as drawn
    from convstudy.study import unallocated_network

    opened, shape, num_classes = at_input(model, input_shape, classes)
    network = unallocated_network(opened, num_classes, shape[0])
    table = count(network, shape, training=training)
    table = at_depth(table, depth) if depth is not None else table
    table = with_channels_last(table) if channels_last else table
    if output_format not in {Format.table, Format.json}:
        typer.echo(_document(table, output_format), nl=False)
        return
    memory: TrainingMemory | None = None
    try:
        memory = training_memory(network, shape, batch_size=batch_size, optimiser=opt)
    except ModelError as error:  # it can be counted, but not be trained
        typer.echo(f"the memory of training is not predicted: {error}", err=True)
    if output_format is Format.json:
        typer.echo(json.dumps(table.to_dict() | {"training_memory": memory and memory.to_dict()}, indent=2))
    else:
        Console().print(drawn(table, memory=memory, folded=fold))


def _document(table: LayerTable, form: Format) -> str:
    from convstudy.report import layer_document

    if form is Format.csv:
        return table.to_pandas().to_csv()
    write = {
        Format.markdown: layer_document.markdown,
        Format.latex: layer_document.latex,
        Format.html: layer_document.html,
    }[form]
    return write(table).rstrip("\n") + "\n"
