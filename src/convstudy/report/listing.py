"""The lists of available networks, data sets and classic findings on the terminal."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Protocol

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from convstudy.findings import Finding
from convstudy.report import numbers


class ListedNetwork(Protocol):
    """A network as described by the zoo."""

    @property
    def name(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def source(self) -> str: ...
    @property
    def input_shape(self) -> tuple[int, int, int]: ...


class ListedSource(Protocol):
    """A source of images as described by `data`."""

    @property
    def name(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def needs(self) -> str: ...


def model_list(architectures: Iterable[ListedNetwork]) -> RenderableType:
    """Draw one line per network, grouped by paper: its name, the input shape of the paper, and a description."""
    known = list(architectures)
    width = max(len(each.name) for each in known)
    parts: list[RenderableType] = []
    for source, networks in itertools.groupby(known, key=lambda each: each.source.partition(",")[0]):
        rows = ((each.name, numbers.shape(each.input_shape), each.title) for each in networks)
        parts += [Text(source, style="bold"), _list((width + 2, 15, None), rows), Text()]
    return Group(*parts[:-1])


def source_list(sources: Iterable[ListedSource]) -> RenderableType:
    """Draw each source of images: its name, a description and, below it, its requirements."""
    return _list((15, None), ((each.name, Text.assemble(each.title, "\n", (each.needs, "dim"))) for each in sources))


def finding_list(findings: Iterable[Finding]) -> RenderableType:
    """Draw each finding: its name, its question, and the time that its quick and its full version take."""
    parts: list[RenderableType] = []
    for each in findings:
        times = each.full_time if not each.quick_differs else f"--quick: {each.quick_minutes}; full: {each.full_time}"
        parts += [Text.assemble((each.name, "bold"), f"  {each.question}"), Text(f"  {times}", style="dim"), Text()]
    return Group(*parts, Text("Times are for two CPU cores that also do other work."))


def _list(widths: tuple[int | None, ...], rows: Iterable[tuple[str | Text, ...]]) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    for width in widths:
        table.add_column(overflow="fold", width=width)
    for row in rows:
        table.add_row(*(Text(cell) if isinstance(cell, str) else cell for cell in row))
    return table
