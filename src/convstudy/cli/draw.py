"""`convstudy draw`: a network as a figure."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from convstudy.cli.options import Classes, InputShapes, ModelName, at_inputs
from convstudy.cli.torch_import import import_torch

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
    other: Annotated[
        str | None,
        typer.Argument(metavar="[OTHER]", help="A second network, drawn beside it; what differs is outlined."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help=r"File to write: .svg, .pdf or .png. \[default: MODEL.svg]", show_default=False
        ),
    ] = None,
    level: Annotated[
        DrawingLevel | None,
        typer.Option(
            help="overview: a row of volumes; blocks: the same, with each block opened; layers: every layer. "
            r"\[default: blocks; layers for two networks]",
            show_default=False,
        ),
    ] = None,
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

    import_torch()
    from convstudy.drawing import draw_graph, draw_pair, table_remarks
    from convstudy.errors import DrawingError
    from convstudy.study import prints_on_standard_error

    names = [model] if other is None else [model, other]
    if other is not None and level not in {None, DrawingLevel.layers}:
        raise DrawingError(f"--level {level} draws one network; two are drawn at the level of layers")
    with prints_on_standard_error():
        found = [at_inputs(name, inputs, classes) for name in names]
        graphs = [at.graph(training=training) for at in found]
    cost = highlight.value if highlight else None
    if len(found) == 2:
        titles = (found[0].name, found[1].name)
        picture = draw_pair(titles, (graphs[0], graphs[1]), highlight=cost, fold=fold, width=width)
    else:
        picture = draw_graph(
            found[0].name,
            graphs[0],
            level=level or "blocks",
            highlight=cost,
            fold=fold,
            width=width,
            remarks=table_remarks(model),
        )
    name = "-and-".join(at.name for at in found)
    path = output or Path(re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip(".-") + ".svg")
    notes: list[str] = []
    typer.echo(str(picture.save(path, on_note=notes.append)))
    for note in notes:
        typer.echo(f"note: {note}", err=True)
    if width is not None and picture.smallest_text < LEAST_TEXT:
        typer.echo(
            f"note: the blocks do not fit {width}; the smallest text is {picture.smallest_text:.1f} pt there", err=True
        )
