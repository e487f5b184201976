"""The difference of two networks, layer by layer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rich.console import Group, RenderableType
from rich.text import Text

from convstudy.analysis import LayerDifference, LayerRow, TableDifference
from convstudy.report import numbers
from convstudy.report.terminal.table import plain_table

Line = tuple[str, LayerRow]


def difference(a: str, b: str, found: TableDifference, *, unchanged: bool = False) -> RenderableType:
    """Draw the layers that differ, marked - for `a` and + for `b`, and the totals of both.

    `unchanged`: also draw the layers that are the same in both.
    """
    table = plain_table("layer", "kind", numeric=("output\nshape", "parameters", "MACs"))
    for sign, row in _lines(found.layers if unchanged else found.changes):
        style = {"-": "red", "+": "green"}.get(sign, "")
        table.add_row(
            Text(f"{sign} {row.path}"),
            Text(row.kind),
            "×".join(map(str, row.output_shape)),
            numbers.count(row.parameters),
            numbers.scaled(row.macs),
            style=style,
        )
    same = len(found.layers) - len(found.changes)
    parts: list[RenderableType] = [Text(f"- {a}\n+ {b}\n"), table, Text()] if found.changes or unchanged else []
    return Group(*parts, Text(f"{numbers.plural(same, 'layer')} unchanged"), *_totals(found))


def _lines(layers: Iterable[LayerDifference]) -> Iterator[Line]:
    """Yield lines as in a unified diff: in each changed stretch, first the layers of a, then those of b."""
    removed: list[Line] = []
    added: list[Line] = []
    for layer in layers:
        if not layer.changed and layer.a:
            yield from (*removed, *added, (" ", layer.a))
            removed, added = [], []
        removed += [("-", layer.a)] if layer.changed and layer.a else []
        added += [("+", layer.b)] if layer.changed and layer.b else []
        if layer.a and layer.b:
            yield from (*removed, *added)
            removed, added = [], []
    yield from (*removed, *added)


def _totals(found: TableDifference) -> Iterator[Text]:
    for name, label in (("parameters", "parameters"), ("macs", "MACs"), ("activation_size", "activation size")):
        one, other = getattr(found.a, name), getattr(found.b, name)
        change = f"{other - one:+,}".replace("-", "−") if other != one else "unchanged"
        yield Text(f"{label}: {numbers.count(one)} → {numbers.count(other)} ({change})")
