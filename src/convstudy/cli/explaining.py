"""`convstudy explain`, `trends` and `diff`: where numbers come from, what they do with depth, how networks differ."""

from __future__ import annotations

from typing import Annotated

import typer

from convstudy.cli.options import Classes, InputShape, ModelName, TableOrJson


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
    models: Annotated[list[str], typer.Argument(metavar="MODEL", help="Networks: see `convstudy models`.")],
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


def diff(
    a: Annotated[str, typer.Argument(metavar="A", help="A network: see `convstudy models`.")],
    b: Annotated[str, typer.Argument(metavar="B", help="The network to hold beside it.")],
    input_shape: InputShape = None,
    classes: Classes = None,
    unchanged: Annotated[bool, typer.Option("--all", help="Also the layers that are the same.")] = False,
    output_format: TableOrJson = "table",
) -> None:
    """Show two networks layer by layer: what the second has more, less or otherwise.

    Without --input and --classes each is taken at its own paper's.
    """
    import json

    from rich.console import Console

    from convstudy.analysis import diff as found
    from convstudy.cli.options import at_input
    from convstudy.report.terminal import difference
    from convstudy.study import layer_table

    tables = [layer_table(*at_input(name, input_shape, classes)) for name in (a, b)]
    differences = found(*tables)
    if output_format == "json":
        typer.echo(json.dumps(differences.to_dict(), indent=2))
    else:
        Console().print(difference(a, b, differences, unchanged=unchanged))
