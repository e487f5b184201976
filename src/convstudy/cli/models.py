"""`convstudy models`: the list of networks that are available by name."""

from __future__ import annotations


def models() -> None:
    """List the networks that are available by name, grouped by paper."""
    from rich.console import Console

    from convstudy.report.listing import model_list
    from convstudy.zoo.catalog import catalog

    Console().print(model_list(catalog()))
