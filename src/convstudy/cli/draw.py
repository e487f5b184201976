"""`convstudy draw`: a network as a figure."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from convstudy.cli.options import Classes, InputShapes, ModelName, at_inputs

LEAST_TEXT = 7.0  # points


class DrawingLevel(StrEnum):
    """How much of a network is drawn."""

    overview = "overview"
    blocks = "blocks"
    layers = "layers"


class Cost(StrEnum):
    """A cost that can be highlighted."""

    macs = "macs"
    parameters = "parameters"
    memory = "memory"


def draw(
    model: ModelName,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help=r"File to write: .svg, .pdf or .png. \[default: MODEL.svg]", show_default=False
        ),
    ] = None,
    level: Annotated[
        DrawingLevel,
        typer.Option(help="overview: a row of volumes; blocks: the same, with each block opened; layers: every layer."),
    ] = DrawingLevel.blocks,
    highlight: Annotated[
        Cost | None, typer.Option(help="Color the parts by their share of this cost.", show_default=False)
    ] = None,
    fold: Annotated[
        bool, typer.Option("--fold", help="Draw repeated blocks once at the level of layers, with their number.")
    ] = False,
    width: Annotated[
        str | None,
        typer.Option(metavar="LENGTH", help="Width of the figure, as in 3.25in, 8cm or 700px.", show_default=False),
    ] = None,
    training: Annotated[
        bool, typer.Option("--training", help="Draw what runs in training mode, including auxiliary branches.")
    ] = False,
    inputs: InputShapes = None,
    classes: Classes = None,
) -> None:
    """Draw a network as SVG, PDF or PNG, as papers do: feature maps to scale, and each distinct block once."""
    import re

    from convstudy.drawing import draw_graph
    from convstudy.study import prints_on_standard_error

    with prints_on_standard_error():
        at = at_inputs(model, inputs, classes)
        graph = at.graph(training=training)
    picture = draw_graph(
        at.name,
        graph,
        level=level.value,
        highlight=highlight.value if highlight else None,
        fold=fold,
        width=width,
    )
    path = output or Path(re.sub(r"[^A-Za-z0-9._-]+", "-", at.name).strip(".-") + ".svg")
    typer.echo(str(picture.save(path)))
    if width is not None and picture.smallest_text < LEAST_TEXT:
        typer.echo(
            f"note: the blocks do not fit {width}; the smallest text is {picture.smallest_text:.1f} pt there", err=True
        )
