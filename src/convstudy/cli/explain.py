"""`convstudy explain`: the calculation of each number of a layer."""

from __future__ import annotations

from typing import Annotated

import typer

from convstudy.cli.options import Classes, InputShape, ModelName


def explain(
    model: ModelName,
    layer: Annotated[
        str, typer.Argument(metavar="LAYER", help="Path of the layer, as printed by `convstudy summary`.")
    ],
    input_shape: InputShape = None,
    classes: Classes = None,
) -> None:
    """Explain each number of a layer: its formula, with the values filled in, and in words."""
    from rich.console import Console

    from convstudy.analysis import explain as explained
    from convstudy.cli.options import at_input
    from convstudy.report.terminal import explanation
    from convstudy.study import unallocated_network

    network, shape, num_classes = at_input(model, input_shape, classes)
    Console().print(explanation(explained(unallocated_network(network, num_classes, shape[0]), shape, layer)))
