"""Arguments and options shared by several commands."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from convstudy.cli.setting_flags import FLAGGED, option
from convstudy.errors import ShapeError

if TYPE_CHECKING:
    from convstudy.analysis import Inputs
    from convstudy.study import NetworkAtInputs

SIZE = re.compile(r"\d{1,30}")

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
        metavar="MODEL",
        help="A network: a name from `convstudy models`, your own as path/to/file.py:Name (without :Name if the file "
        "defines one network), or one of torchvision:NAME, timm:NAME and hf:NAME (transformers).",
    ),
]
InputShapes = Annotated[
    list[str] | None,
    typer.Option(
        "--input",
        metavar="[NAME=]SHAPE[:DTYPE]",
        help=r"Shape of one example, without the batch axis: 3x224x224, 128:int64 (tokens), 1x16000 (audio), "
        r"input_ids=128:int64 (by name). Repeat it for several inputs. \[default: as in the network's paper]",
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


def at_inputs(model: str, inputs: list[str] | None, classes: int | None) -> NetworkAtInputs:
    """Return the network with its inputs and its number of classes, by default those of its paper."""
    from convstudy.study import network_at_inputs

    def noted(note: str) -> None:
        typer.echo(note, err=True)

    return network_at_inputs(model, parsed_inputs(inputs or []), classes=classes, on_note=noted)


def parsed_inputs(texts: list[str]) -> Inputs:
    """Parse the values of `--input`.

    >>> inputs = parsed_inputs(["3x32x32", "mask=7:int64"])
    >>> inputs.positional[0].shape, inputs.named["mask"].shape, inputs.named["mask"].dtype
    ((3, 32, 32), (7,), torch.int64)
    """
    from convstudy.analysis import Inputs, InputTensor
    from convstudy.study.models.dtypes import dtype_of

    positional: list[InputTensor] = []
    named: dict[str, InputTensor] = {}
    for text in texts:
        name, _, value = text.rpartition("=")
        shape, _, dtype = value.partition(":")
        tensor = InputTensor(parse_shape(shape, text), dtype_of(dtype.strip()) if dtype else None)
        if not name:
            positional.append(tensor)
        elif name.strip() in named:
            raise ShapeError(f"--input {name.strip()}=... is given twice; expected each name once")
        else:
            named[name.strip()] = tensor
    return Inputs(tuple(positional), named)


def parse_shape(shape: str, text: str = "") -> tuple[int, ...]:
    """Parse the sizes of an input; `text` is the whole value of the option.

    >>> parse_shape("3x224x224"), parse_shape("(3, 224, 224)"), parse_shape("128")
    ((3, 224, 224), (3, 224, 224), (128,))
    >>> parse_shape("3xAxA")
    Traceback (most recent call last):
    convstudy.errors.ShapeError: --input is '3xAxA'; expected sizes such as 3x32x32 or 128:int64
    """
    sizes = re.split(r"[x×*,]", shape.lower().strip().strip("()[]").rstrip(","))
    if all(SIZE.fullmatch(size.strip()) and int(size) > 0 for size in sizes):
        return tuple(map(int, sizes))
    raise ShapeError(f"--input is '{text or shape}'; expected sizes such as 3x32x32 or 128:int64")


def image_shape(text: str) -> tuple[int, int, int]:
    """Parse the shape of an image: channels x height x width.

    >>> image_shape("224")
    Traceback (most recent call last):
    convstudy.errors.ShapeError: --input is '224'; expected channels x height x width, as in 3x32x32
    """
    shape = parse_shape(text)
    if len(shape) != 3:
        raise ShapeError(f"--input is '{text}'; expected channels x height x width, as in 3x32x32")
    return shape[0], shape[1], shape[2]
