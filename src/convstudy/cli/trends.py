"""`convstudy trends`: a check of the lecture's four trends."""

from __future__ import annotations

from typing import Annotated

import typer

from convstudy.cli.options import Classes, InputShape


def trends(
    models: Annotated[
        list[str],
        typer.Argument(metavar="MODEL", help="Networks: names from `convstudy models`, or path/to/file.py:Name."),
    ],
    input_shape: InputShape = None,
    classes: Classes = None,
) -> None:
    """Check which of the lecture's four trends hold in each network, and name the layers that contradict them.

    They concern pooling, dense layers, activation sizes and channels.
    """
    from rich.console import Console

    from convstudy.analysis import trends as found
    from convstudy.cli.options import at_input
    from convstudy.report.terminal import trend_list
    from convstudy.study import layer_table

    for model in models:
        Console().print(trend_list(model, found(layer_table(*at_input(model, input_shape, classes)))))
