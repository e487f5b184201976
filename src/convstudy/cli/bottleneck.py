"""`convstudy bottleneck`: the savings of a 1x1 reduction before a larger convolution."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from convstudy.cli.options import Classes, InputShapes, TableOrJson, at_inputs, image_shape
from convstudy.cli.torch_import import import_torch
from convstudy.errors import ShapeError

if TYPE_CHECKING:
    from convstudy.analysis import Bottleneck

NUMBERS = ("direct_macs", "reduction_macs", "reduced_macs", "times_fewer", "direct_weights", "reduced_weights")


def bottleneck(
    model: Annotated[
        str | None,
        typer.Argument(
            metavar="MODEL", help="Find the convolutions of this network that a reduction would make cheaper."
        ),
    ] = None,
    inputs: InputShapes = None,
    classes: Classes = None,
    kernel: Annotated[int | None, typer.Option(help="Kernel size of the convolution.")] = None,
    out: Annotated[int | None, typer.Option(help="Number of filters of the convolution.")] = None,
    reduce: Annotated[
        int | None,
        typer.Option(
            help=r"Channels after the 1x1 convolution. \[default with MODEL: a quarter of its input channels]",
            show_default=False,
        ),
    ] = None,
    stride: Annotated[int, typer.Option(help="Stride of the convolution.")] = 1,
    top: Annotated[int, typer.Option(help="With MODEL: number of layers to show, largest savings first.")] = 10,
    output_format: TableOrJson = "table",
) -> None:
    """Count the MACs that a 1x1 reduction before a larger convolution saves, in one convolution or in a whole network.

    One convolution is counted with padding "same", as in an inception module:
    convstudy bottleneck --input 192x28x28 --kernel 5 --out 32 --reduce 16
    """
    import_torch()
    from rich.console import Console

    from convstudy.report.terminal import bottleneck_example, bottleneck_list

    if model is None:
        found = _one(inputs, kernel, out, reduce, stride)
        if output_format == "json":
            typer.echo(json.dumps(_plain(found), indent=2))
        else:
            Console().print(bottleneck_example(found))
        return
    if kernel is not None or out is not None or stride != 1:
        raise ShapeError("--kernel, --out and --stride describe one convolution; leave them out if you give a MODEL")
    macs, layers = _through(model, inputs, classes, reduce)
    if output_format == "json":
        typer.echo(json.dumps({"macs": macs, "layers": [_plain(layer) for layer in layers]}, indent=2))
    else:
        Console().print(bottleneck_list(model, macs, layers, shown=top))


def _one(inputs: list[str] | None, kernel: int | None, out: int | None, reduce: int | None, stride: int) -> Bottleneck:
    from convstudy.analysis import bottleneck as counted

    if not inputs or kernel is None or out is None or reduce is None:
        given = {"--input": inputs, "--kernel": kernel, "--out": out, "--reduce": reduce}
        missing = ", ".join(name for name, value in given.items() if value in (None, []))
        raise ShapeError(
            f"{missing} not given; expected --input, --kernel, --out and --reduce for one convolution, or a MODEL"
        )
    if len(inputs) > 1:
        raise ShapeError(f"--input is given {len(inputs)} times; expected one input for one convolution")
    return counted(image_shape(inputs[0]), kernel=kernel, channels=out, reduced=reduce, stride=stride)


def _through(
    model: str, inputs: list[str] | None, classes: int | None, reduce: int | None
) -> tuple[int, tuple[Bottleneck, ...]]:
    from convstudy.study import prints_on_standard_error

    with prints_on_standard_error():
        at = at_inputs(model, inputs, classes)
        return at.count().totals.macs, at.bottlenecks(reduced=reduce)


def _plain(found: Bottleneck) -> dict[str, Any]:
    shapes = {"path": found.path, "input_shape": found.input_shape, "output_shape": found.output_shape}
    sizes = {"kernel": found.kernel, "reduced_channels": found.reduced_channels}
    return shapes | sizes | {name: getattr(found, name) for name in NUMBERS}
