"""`convstudy explain` and `convstudy trends`: where a network's numbers come from, and what they do with depth."""

from __future__ import annotations

from typing import Annotated

import typer

from convstudy.cli.options import Classes, InputShape, ModelName


def explain(
    model: ModelName,
    layer: Annotated[str, typer.Argument(metavar="LAYER", help="A layer's path, as `convstudy summary` prints it.")],
    input_shape: InputShape = None,
    classes: Classes = None,
) -> None:
    """Explain each number of a layer: the formula with the numbers put in, and in words."""
    from rich.console import Console

    from convstudy.analysis import explain as explained
    from convstudy.cli.options import at_input
    from convstudy.report.terminal import explanation
    from convstudy.study import unallocated_network

    network, shape, num_classes = at_input(model, input_shape, classes)
    Console().print(explanation(explained(unallocated_network(network, num_classes, shape[0]), shape, layer)))


def trends(
    models: Annotated[list[str], typer.Argument(metavar="MODEL...", help="Networks: see `convstudy models`.")],
    input_shape: InputShape = None,
    classes: Classes = None,
) -> None:
    """Say which of the lecture's four trends hold in each network, and where they do not."""
    from rich.console import Console

    from convstudy.analysis import trends as found
    from convstudy.cli.options import at_input
    from convstudy.report.terminal import trend_list
    from convstudy.study import layer_table

    for model in models:
        Console().print(trend_list(model, found(layer_table(*at_input(model, input_shape, classes)))))
