"""The costs of networks before any training."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from rich.console import Group, RenderableType
from rich.text import Text

from convstudy.report import numbers
from convstudy.report.terminal.table import plain_table


class CountedNetwork(Protocol):
    """A network with its costs as counted before training; `ModelResult` is an example."""

    @property
    def name(self) -> str: ...
    @property
    def input_shape(self) -> tuple[int, int, int] | None: ...
    @property
    def parameters(self) -> int | None: ...
    @property
    def macs(self) -> int | None: ...
    @property
    def activation_size(self) -> int | None: ...
    @property
    def uncounted(self) -> tuple[str, ...]: ...


def cost_table(networks: Iterable[CountedNetwork]) -> RenderableType:
    """Draw the costs of each network per image: parameters, MACs, activation size.

    >>> from collections import namedtuple
    >>> from rich.console import Console
    >>> Net = namedtuple("Net", "name input_shape parameters macs activation_size uncounted")
    >>> Console(width=80).print(cost_table([Net("net", (3, 32, 32), 62_006, 651_720, 9_128, ())]))
    network      input        parameters   MACs  activation size
    ────────────────────────────────────────────────────────────
    net          3 × 32 × 32      62,006  652 K            9,128
    """
    networks = list(networks)
    table = plain_table("network", "input", numeric=("parameters", "MACs", "activation size"))
    for network in networks:
        mark = "*" if network.uncounted else ""
        table.add_row(
            Text(network.name),
            numbers.shape(network.input_shape),
            numbers.count(network.parameters),
            numbers.scaled(network.macs) + mark,
            numbers.count(network.activation_size) + mark,
        )
    return Group(table, *lower_bounds(networks))


def lower_bounds(networks: Iterable[CountedNetwork]) -> list[Text]:
    """Return a line for each network with operations that have no formula."""
    return [
        Text(f"* lower bound for {network.name}: no formula for {', '.join(network.uncounted)}", style="yellow")
        for network in networks
        if network.uncounted
    ]
