"""`convstudy build`: the network that a layer table describes, as a PyTorch module."""

from __future__ import annotations

import typer

from convstudy.cli.options import Table


def build(table: Table) -> None:
    """Print the network that a layer table describes as a plain PyTorch module."""
    from convstudy.claims import read_table
    from convstudy.claims.checking import module_source

    typer.echo(module_source(read_table(table)), nl=False)
