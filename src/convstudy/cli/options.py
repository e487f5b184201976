"""What several commands ask for in the same words: a network, its input, its classes; data, and where they lie."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from convstudy.errors import ShapeError

if TYPE_CHECKING:
    from convstudy.study import Model

Table = Annotated[
    Path,
    typer.Argument(
        metavar="TABLE",
        help="A layer table: TSV, CSV, Markdown, LaTeX, Excel, or a printout of Keras, torchinfo or torchsummary.",
    ),
]

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

Data = Annotated[
    str | None,
    typer.Option(
        help="digits, cifar10, mnist, a folder of class folders, or an .npz or .h5 file (`convstudy data`). "
        r"\[default: digits]",
        show_default=False,
    ),
]
DataDir = Annotated[
    Path | None,
    typer.Option(help=r"Where the named data sets lie or are downloaded to. \[default: data]", show_default=False),
]
TestData = Annotated[Path | None, typer.Option(help="A second file, with the test part.")]
TrainImages = Annotated[
    int | None,
    typer.Option(
        help=r"Train on so many images, stratified, the same for every seed. \[default: all]", show_default=False
    ),
]
InputSize = Annotated[
    int | None,
    typer.Option(
        "--input-size",
        "--resize",
        "--img-size",
        help=r"Side of the input. \[default: each network's own, else the images', at least 32]",
        show_default=False,
    ),
]
Freeze = Annotated[
    Literal["none", "backbone"] | None,
    typer.Option(
        help="backbone: train the last linear layer alone, on features that are computed once, unaugmented. "
        r"\[default: none]",
        show_default=False,
    ),
]
UnfreezeAt = Annotated[
    int | None,
    typer.Option(
        metavar="EPOCHS",
        help=r"Train the whole network after so many frozen epochs; 0 is never. \[default: 0]",
        show_default=False,
    ),
]
SkipBadImages = Annotated[
    bool | None,
    typer.Option(
        "--skip-bad-images/--no-skip-bad-images",
        help="Go on without images that cannot be decoded.",
        show_default=False,
    ),
]
Device = Annotated[
    str | None, typer.Option(help=r"auto, cpu, cuda, cuda:N or mps. \[default: auto]", show_default=False)
]


def at_input(model: str, input_shape: str | None, classes: int | None) -> tuple[Model, tuple[int, int, int], int]:
    """The network, and the input and classes that were asked for or are its paper's."""
    from convstudy.study import open_model

    network = open_model(model)
    shape = parse_shape(input_shape) if input_shape else network.input_shape
    return network, shape, network.num_classes if classes is None else classes


def parse_shape(text: str) -> tuple[int, int, int]:
    """Read an input shape, channels x height x width.

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
