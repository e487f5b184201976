"""`convstudy summary`: a network's layer table."""

from __future__ import annotations

from typing import Annotated

import typer


def summary(
    model: Annotated[
        str,
        typer.Argument(metavar="MODEL", help="A network: see `convstudy models`, or your own as path/to/file.py:Name."),
    ],
    input_shape: Annotated[
        str | None,
        typer.Option(
            "--input", metavar="CxHxW", help=r"Input of one image. \[default: the paper's]", show_default=False
        ),
    ] = None,
    classes: Annotated[
        int | None, typer.Option(help=r"Number of classes. \[default: the paper's]", show_default=False)
    ] = None,
) -> None:
    """Print a network's layer table: output shape, activation size, parameters and MACs of each layer."""
    from rich.console import Console

    from convstudy.cli.shape import parse_shape
    from convstudy.report.terminal import layer_table as drawn
    from convstudy.study import layer_table, open_model

    network = open_model(model)
    shape = parse_shape(input_shape) if input_shape else network.input_shape
    table = layer_table(network, shape, network.num_classes if classes is None else classes)
    Console().print(drawn(table))
