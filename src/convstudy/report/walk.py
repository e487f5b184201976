"""A whole network explained in one page: every layer with the formula of each of its numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from convstudy.analysis import Explanation, LayerTable
from convstudy.analysis.explanation import Derivation
from convstudy.analysis.table import LayerRow, Shape
from convstudy.report import numbers
from convstudy.report.layer_document import CONVENTION, basis, page, sums

ZERO = ("parameters", "MACs")


@dataclass(frozen=True)
class Step:
    """A layer of the walk: the derivations that are worth a line, and what the layer has none of."""

    row: LayerRow
    input_shape: Shape
    told: tuple[Derivation, ...]
    nothing_of: tuple[str, ...]

    @property
    def nothing(self) -> str:
        """Return the remark on the numbers that are zero: `no parameters and no MACs`."""
        return " and ".join(f"no {name}" for name in self.nothing_of)


def steps(explained: Sequence[Explanation]) -> list[Step]:
    """Return the layers without their zeros, which are one remark."""
    return [
        Step(
            layer.row,
            layer.input_shape,
            tuple(each for each in layer.derivations if each.value or each.quantity not in ZERO),
            tuple(each.quantity for each in layer.derivations if not each.value and each.quantity in ZERO),
        )
        for layer in explained
    ]


def markdown(name: str, table: LayerTable, explained: Sequence[Explanation]) -> str:
    """Return the walk in Markdown: a heading and a table for each layer."""
    lines = [f"# {name}", "", basis(table), ""]
    for number, step in enumerate(steps(explained), start=1):
        shapes = " → ".join(numbers.shape(shape) for shape in (step.input_shape, step.row.output_shape) if shape)
        lines += [f"## {number}. {step.row.path} ({step.row.kind}): {shapes}", ""]
        if step.told:
            lines += ["| number | formula | value | in words |", "|---|---|---:|---|"]
        lines += [
            f"| {each.quantity} | {'' if each.formula == str(each.value) else each.formula} | {each.value:,} "
            f"| {each.words} |"
            for each in step.told
        ]
        lines += [*([""] if step.told else []), *([f"{step.nothing}.", ""] if step.nothing else [])]
    lines += ["## Sums over the layers", "", *(f"- {what}: {value}" for what, value in sums(table)), "", CONVENTION, ""]
    return "\n".join(lines)


def html(name: str, table: LayerTable, explained: Sequence[Explanation], picture: str = "") -> str:
    """Return the walk as a page, with the drawing of the network (SVG) if there is one."""
    return page(
        "walk.html",
        title=name,
        basis=basis(table),
        layers=steps(explained),
        sums=sums(table),
        convention=CONVENTION,
        picture=Markup(picture),
    )
