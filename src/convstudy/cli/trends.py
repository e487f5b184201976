"""`convstudy trends`: a check of the lecture's four trends."""

from __future__ import annotations

from typing import Annotated

import typer

from convstudy.cli.options import Classes, InputShapes, at_inputs
from convstudy.cli.torch_import import import_torch


def trends(
    models: Annotated[
        list[str],
        typer.Argument(metavar="MODEL", help="Networks: names from `convstudy models`, or path/to/file.py:Name."),
    ],
    inputs: InputShapes = None,
    classes: Classes = None,
) -> None:
    """Check which of the lecture's four trends hold in each network, and name the layers that contradict them.

    They concern pooling, dense layers, activation sizes and channels.
    """
    import_torch()
    from rich.console import Console

    from convstudy.analysis import trends as found
    from convstudy.report.terminal import trend_list
    from convstudy.study import prints_on_standard_error

    for model in models:
        with prints_on_standard_error():
            table = at_inputs(model, inputs, classes).count()
        Console().print(trend_list(model, found(table)))
