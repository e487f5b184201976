"""What the terminal shows of the networks and data sets that there are."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from rich import box
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from convstudy.report import numbers


class Listed(Protocol):
    """A network as the zoo describes it."""

    @property
    def name(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def source(self) -> str: ...
    @property
    def input_shape(self) -> tuple[int, int, int]: ...


class Source(Protocol):
    """A source of images as `data` describes it."""

    @property
    def name(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def needs(self) -> str: ...


def model_list(architectures: Iterable[Listed]) -> RenderableType:
    """Draw one line a network: its name, what it is, the paper's input and the source."""
    rows = ((each.name, each.title, numbers.shape(each.input_shape), each.source) for each in architectures)
    return _list(("network", "what", "paper's input", "source"), rows)


def source_list(sources: Iterable[Source]) -> RenderableType:
    """Draw one line a source of images: how it is named, what it is, what it needs."""
    return _list(("--data", "what", "needs"), ((each.name, each.title, each.needs) for each in sources))


def _list(columns: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="bold")
    for index, column in enumerate(columns):
        table.add_column(column, overflow="fold", no_wrap=index == 0)
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    return table
