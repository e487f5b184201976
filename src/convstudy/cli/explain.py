"""`convstudy explain`: the calculation of each number of a layer, or of all layers."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from convstudy.cli.options import Classes, InputShapes, ModelName, at_inputs
from convstudy.cli.torch_import import import_torch


class PageFormat(StrEnum):
    """A format in which a whole network is explained."""

    text = "text"
    markdown = "markdown"
    html = "html"


def explain(
    model: ModelName,
    layer: Annotated[
        str | None,
        typer.Argument(
            metavar="[LAYER]",
            help=r"Path of the layer, as printed by `convstudy summary`. \[default: every layer, in one page]",
            show_default=False,
        ),
    ] = None,
    inputs: InputShapes = None,
    classes: Classes = None,
    output_format: Annotated[
        PageFormat,
        typer.Option("--format", help="Of all layers: text for reading here, markdown, or html for a page."),
    ] = PageFormat.text,
) -> None:
    """Explain each number of a layer, or of every layer: its formula, with the values filled in, and in words."""
    import_torch()
    from rich.console import Console

    from convstudy.errors import ModelError
    from convstudy.report.terminal import explanation
    from convstudy.study import prints_on_standard_error

    if layer is None:
        _explain_all(model, inputs, classes, output_format)
        return
    if output_format is not PageFormat.text:
        raise ModelError(f"--format {output_format} explains a whole network; leave out the layer {layer}")
    with prints_on_standard_error():
        explained = at_inputs(model, inputs, classes).explain(layer)
    Console().print(explanation(explained))


def _explain_all(model: str, inputs: list[str] | None, classes: int | None, form: PageFormat) -> None:
    from rich.console import Console
    from rich.text import Text

    from convstudy.api.walking import NetworkExplanation
    from convstudy.report import layer_document
    from convstudy.report.terminal import explanation
    from convstudy.study import prints_on_standard_error

    with prints_on_standard_error():
        explained = NetworkExplanation.of(at_inputs(model, inputs, classes), drawn=form is PageFormat.html)
    if form is PageFormat.html:
        typer.echo(explained.html, nl=False)
    elif form is PageFormat.markdown:
        typer.echo(explained.markdown, nl=False)
    else:
        console = Console()
        for each in explained:
            console.print(explanation(each), Text())
        console.print(Text(layer_document.basis(explained.table)))
