"""Arguments and options shared by several commands."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from convstudy.cli.setting_flags import FLAGGED, option
from convstudy.errors import ShapeError

if TYPE_CHECKING:
    from convstudy.study import Model

Table = Annotated[
    Path,
    typer.Argument(
        metavar="TABLE",
        help="Layer table: TSV, CSV, Markdown, LaTeX, Excel, or the output of Keras, torchinfo or torchsummary.",
    ),
]

ModelName = Annotated[
    str,
    typer.Argument(
        metavar="MODEL", help="A network: a name from `convstudy models`, or your own as path/to/file.py:Name."
    ),
]
InputShape = Annotated[
    str | None,
    typer.Option(
        "--input",
        metavar="CxHxW",
        help=r"Shape of an input image. \[default: as in the network's paper]",
        show_default=False,
    ),
]
Classes = Annotated[
    int | None, typer.Option(help=r"Number of classes. \[default: as in the network's paper]", show_default=False)
]
TableOrJson = Annotated[
    Literal["table", "json"], typer.Option("--format", help="table for reading, json for programs.")
]

DataDir = Annotated[Path | None, option(FLAGGED["data_dir"])]
TestData = Annotated[Path | None, option(FLAGGED["test_data"])]


def at_input(model: str, input_shape: str | None, classes: int | None) -> tuple[Model, tuple[int, int, int], int]:
    """Return the network, its input shape and its number of classes, by default those of its paper."""
    from convstudy.study import open_model

    network = open_model(model)
    shape = parse_shape(input_shape) if input_shape else network.input_shape
    return network, shape, network.num_classes if classes is None else classes


def parse_shape(text: str) -> tuple[int, int, int]:
    """Parse an input shape: channels x height x width.

    >>> parse_shape("3x224x224")
    (3, 224, 224)
    >>> parse_shape("224")
    Traceback (most recent call last):
    convstudy.errors.ShapeError: --input is '224'; expected channels x height x width, as in 3x32x32
    """
    parts = text.lower().replace("×", "x").split("x")
    if len(parts) == 3 and all(part.strip().isdecimal() and int(part) > 0 for part in parts):
        channels, height, width = (int(part) for part in parts)
        return channels, height, width
    raise ShapeError(f"--input is '{text}'; expected channels x height x width, as in 3x32x32")
