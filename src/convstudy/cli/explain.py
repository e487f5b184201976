"""`convstudy explain`: the calculation of each number of a layer."""

from __future__ import annotations

from typing import Annotated

import typer

from convstudy.cli.options import Classes, InputShapes, ModelName, at_inputs


def explain(
    model: ModelName,
    layer: Annotated[
        str, typer.Argument(metavar="LAYER", help="Path of the layer, as printed by `convstudy summary`.")
    ],
    inputs: InputShapes = None,
    classes: Classes = None,
) -> None:
    """Explain each number of a layer: its formula, with the values filled in, and in words."""
    from rich.console import Console

    from convstudy.report.terminal import explanation
    from convstudy.study import prints_on_standard_error

    with prints_on_standard_error():
        explained = at_inputs(model, inputs, classes).explain(layer)
    Console().print(explanation(explained))
