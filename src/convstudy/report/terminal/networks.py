"""Several networks: their costs, their results, and the verdicts on pairs of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.text import Text

from convstudy.report import numbers, sentences
from convstudy.report.health import health_sentence
from convstudy.report.leading_pairs import leading_pairs
from convstudy.report.terminal.costs import lower_bounds
from convstudy.report.terminal.table import plain_table

if TYPE_CHECKING:
    from convstudy.study import Results


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
    return Group(table, *lower_bounds(results.models))


def verdicts(results: Results) -> RenderableType:
    """Draw the verdicts on the leading pairs, the data they are based on, and the answers to a reader's questions."""
    seeds = len(results.protocol.seeds)
    shown = leading_pairs(results)
    first = [
        Text(sentence, style="bold" if sentences.is_shown(pair) else "")
        for pair, sentence in sentences.verdicts_in(results, shown)
    ]
    lines: list[Text] = []
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
    return Group(*wrong, *first, *level, Text(basis, style="dim"), *lines)
