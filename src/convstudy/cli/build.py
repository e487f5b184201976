"""`convstudy build`: the network described by a layer table, as a PyTorch module."""

from __future__ import annotations

import typer

from convstudy.cli.options import Table


def build(table: Table) -> None:
    """Print the network described by a layer table as the source code of a PyTorch module."""
    from convstudy.claims import read_table
    from convstudy.claims.checking import module_source

    typer.echo(module_source(read_table(table)), nl=False)
