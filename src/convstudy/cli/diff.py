"""`convstudy diff`: two networks, layer by layer."""

from __future__ import annotations

from typing import Annotated

import typer

from convstudy.cli.options import Classes, InputShapes, TableOrJson, at_inputs
from convstudy.cli.torch_import import import_torch


def diff(
    a: Annotated[
        str, typer.Argument(metavar="A", help="A network: a name from `convstudy models`, or path/to/file.py:Name.")
    ],
    b: Annotated[str, typer.Argument(metavar="B", help="The network to compare with A.")],
    inputs: InputShapes = None,
    classes: Classes = None,
    unchanged: Annotated[bool, typer.Option("--all", help="Also show the layers that are the same in both.")] = False,
    output_format: TableOrJson = "table",
) -> None:
    """Show the difference of two networks layer by layer: layers added, removed or changed from A to B.

    Without --input and --classes, each network is counted with the input and the classes of its own paper.
    """
    import json

    import_torch()
    from rich.console import Console

    from convstudy.analysis import diff as found
    from convstudy.report.terminal import difference
    from convstudy.study import prints_on_standard_error

    with prints_on_standard_error():
        tables = [at_inputs(name, inputs, classes).count() for name in (a, b)]
    differences = found(*tables)
    if output_format == "json":
        typer.echo(json.dumps(differences.to_dict(), indent=2))
    else:
        Console().print(difference(a, b, differences, unchanged=unchanged))
