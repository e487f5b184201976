"""Several networks: their costs, their results, and the verdicts on pairs of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Protocol

from rich.console import Group, RenderableType
from rich.text import Text

from convstudy.report import numbers, sentences
from convstudy.report.health import health_sentence
from convstudy.report.leading_pairs import leading_pairs
from convstudy.report.terminal.table import plain_table

if TYPE_CHECKING:
    from convstudy.study import Results


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
    return Group(table, *_lower_bounds(networks))


def result_table(results: Results) -> RenderableType:
    """Draw one line per network: its cost, its top-1 with 95% CI, and its speed."""
    table = plain_table(
        "network",
        numeric=("params", "MACs", "top-1", "95% CI", "train,\ns", "images\n/s", "latency,\nms"),
    )
    for model in results.models:
        mark = "*" if model.uncounted else ""
        table.add_row(
            Text(model.name),
            numbers.scaled(model.parameters),
            numbers.scaled(model.macs) + mark,
            numbers.percent(model.top1.mean),
            numbers.percent_interval(model.top1.low, model.top1.high, to="–"),
            numbers.rate(model.train_seconds),
            numbers.rate(model.images_per_second),
            numbers.rate(model.latency_ms),
        )
    return Group(table, *_lower_bounds(results.models))


def verdicts(results: Results) -> RenderableType:
    """Draw the verdicts on the leading pairs, the data they are based on, and the answers to a reader's questions."""
    seeds = len(results.protocol.seeds)
    shown = leading_pairs(results)
    lines = [
        Text(
            sentences.verdict_in(results, pair),
            style="bold" if sentences.is_shown(pair) else "",
        )
        for pair in shown
    ]
    basis = f"based on {sentences.basis(results)}"
    known_limits = (sentences.withheld(results), sentences.level(results), sentences.far_apart(results))
    level = [Text(text) for text in known_limits if text]
    basis += f"; {known}" if (known := sentences.opened(results)) else ""
    if len(shown) < len(results.comparisons):
        basis += f"; all {len(results.comparisons)} pairs are in the report"
    for reply in sentences.replies(results):
        lines += [Text(), Text(reply.question, style="bold"), Text(reply.answer)]
    wrong = [
        Text(health_sentence(finding, seeds), style="bold red" if finding.blocks else "yellow")
        for finding in results.health
    ]
    return Group(*wrong, *lines[: len(shown)], *level, Text(basis, style="dim"), *lines[len(shown) :])


def _lower_bounds(networks: Iterable[CountedNetwork]) -> list[Text]:
    return [
        Text(f"* lower bound for {network.name}: no formula for {', '.join(network.uncounted)}", style="yellow")
        for network in networks
        if network.uncounted
    ]
