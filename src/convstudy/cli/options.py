"""What several commands ask of a network: its name, its input and its number of classes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from convstudy.cli.shape import parse_shape

if TYPE_CHECKING:
    from convstudy.study import Model

ModelName = Annotated[
    str,
    typer.Argument(metavar="MODEL", help="A network: see `convstudy models`, or your own as path/to/file.py:Name."),
]
InputShape = Annotated[
    str | None,
    typer.Option("--input", metavar="CxHxW", help=r"Input of one image. \[default: the paper's]", show_default=False),
]
Classes = Annotated[int | None, typer.Option(help=r"Number of classes. \[default: the paper's]", show_default=False)]
TableOrJson = Annotated[Literal["table", "json"], typer.Option("--format", help="For people or for programs.")]


def at_input(model: str, input_shape: str | None, classes: int | None) -> tuple[Model, tuple[int, int, int], int]:
    """The network, and the input and classes that were asked for or are its paper's."""
    from convstudy.study import open_model

    network = open_model(model)
    shape = parse_shape(input_shape) if input_shape else network.input_shape
    return network, shape, network.num_classes if classes is None else classes
