"""The explanation of a layer's numbers, and the trends of a network."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rich.console import Group, RenderableType
from rich.text import Text

from convstudy.analysis import Explanation, Trend
from convstudy.report import numbers

COUNTEREXAMPLES = 5  # layers shown for a trend that does not hold


def explanation(explained: Explanation) -> RenderableType:
    """Draw a layer: its input and output, and the formula of each of its numbers with the values filled in."""
    row = explained.row
    title = f"{row.path} ({row.kind}): {numbers.shape(explained.input_shape)} in, {numbers.shape(row.output_shape)} out"
    return Group(Text(title, style="bold"), *_derivations(explained))


def _derivations(explained: Explanation) -> Iterator[Text]:
    for derivation in explained.derivations:
        yield Text()
        yield Text(str(derivation))
        yield Text(f"  {derivation.words}", style="dim")


def trend_list(name: str, found: Iterable[Trend]) -> RenderableType:
    """Draw whether each trend holds, and the first layers that contradict it."""
    return Group(Text(name, style="bold"), *(line for trend in found for line in _trend(trend)))


def _trend(trend: Trend) -> Iterator[Text]:
    answer, style = {True: ("holds", "green"), False: ("does not hold", "red"), None: ("not testable", "dim")}[
        trend.holds
    ]
    yield Text.assemble(f"  {trend.statement}: ", (answer, style))
    for odd in trend.counterexamples[:COUNTEREXAMPLES]:
        yield Text(f"    {odd.path} has {numbers.count(odd.number)}, but {odd.against} has {numbers.count(odd.other)}")
    if len(trend.counterexamples) > COUNTEREXAMPLES:
        yield Text(f"    and {numbers.plural(len(trend.counterexamples) - COUNTEREXAMPLES, 'layer')} more")
