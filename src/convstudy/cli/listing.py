"""`convstudy models` and `convstudy data`: what there is."""

from __future__ import annotations

import typer


def models() -> None:
    """List the networks."""
    from rich.console import Console

    from convstudy.report.listing import model_list
    from convstudy.zoo import ARCHITECTURES

    Console().print(model_list(ARCHITECTURES.values()))


def data(context: typer.Context) -> None:
    """List the data sets, and the files and folders that are read; `convstudy data inspect` looks at them."""
    if context.invoked_subcommand:
        return
    from rich.console import Console

    from convstudy.data import sources
    from convstudy.report.listing import source_list

    Console().print(source_list(sources()))
