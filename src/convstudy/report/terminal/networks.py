"""Networks side by side: what each costs, what each reached, and which is better."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Protocol

from rich.console import Group, RenderableType
from rich.text import Text

from convstudy.report import numbers, sentences
from convstudy.report.leading import leading_pairs
from convstudy.report.terminal.table import plain_table

if TYPE_CHECKING:
    from convstudy.study import Results


class Cost(Protocol):
    """What a network costs, before training: a `ModelResult` is one, and so is any record with these fields."""

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


def cost_table(costs: Iterable[Cost]) -> RenderableType:
    """Draw what each network costs for one image: parameters, MACs, activation size.

    >>> from collections import namedtuple
    >>> from rich.console import Console
    >>> Net = namedtuple("Net", "name input_shape parameters macs activation_size uncounted")
    >>> Console(width=80).print(cost_table([Net("net", (3, 32, 32), 62_006, 651_720, 9_128, ())]))
    network      input        parameters   MACs  activation size
    ────────────────────────────────────────────────────────────
    net          3 × 32 × 32      62,006  652 K            9,128
    """
    costs = list(costs)
    table = plain_table("network", "input", numeric=("parameters", "MACs", "activation size"))
    for cost in costs:
        mark = "*" if cost.uncounted else ""
        table.add_row(
            Text(cost.name),
            numbers.shape(cost.input_shape),
            numbers.count(cost.parameters),
            numbers.scaled(cost.macs) + mark,
            numbers.count(cost.activation_size) + mark,
        )
    return Group(table, *_lower_bounds(costs))


def result_table(results: Results) -> RenderableType:
    """Draw one line a network: its cost, its top-1 with the 95 % interval, and its speed."""
    table = plain_table(
        "network",
        numeric=("param-\neters", "MACs", "top-1", "95 %\ninterval", "train\ns", "images\n/s", "latency\nms"),
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
    """Draw the verdict on each pair (of many, on the leading network's), their basis, and the questions' answers."""
    seeds, images = len(results.protocol.seeds), results.protocol.data.test
    shown = leading_pairs(results)
    lines = [
        Text(sentences.verdict(pair, pairs=len(results.comparisons)), style="bold" if pair.better else "")
        for pair in shown
    ]
    basis = f"based on {numbers.plural(seeds, 'seed')} and {numbers.plural(images, 'test image')}"
    if len(shown) < len(results.comparisons):
        basis += f"; all {len(results.comparisons)} pairs are in the report"
    for reply in sentences.replies(results):
        lines += [Text(), Text(reply.question, style="bold"), Text(reply.answer)]
    return Group(*lines[: len(shown)], Text(basis, style="dim"), *lines[len(shown) :])


def _lower_bounds(costs: Iterable[Cost]) -> list[Text]:
    return [
        Text(f"* at least, for {cost.name}: no formula for {', '.join(cost.uncounted)}", style="yellow")
        for cost in costs
        if cost.uncounted
    ]
