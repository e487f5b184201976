"""What is right for every row of a claimed table: from the table's own consequences, or from a model's rows."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import prod

from convstudy.claims.checking.arithmetic import value_of
from convstudy.claims.checking.describe import DescribedNetwork, DescribedRow
from convstudy.claims.checking.layer import (
    LayerSpec,
    fits,
    macs_formula,
    output_formulas,
    parameter_formula,
    size_formula,
)
from convstudy.claims.printed_shape import Shape
from convstudy.claims.table import ClaimedRow, Quantity

Value = int | Shape
SUMMED: tuple[Quantity, ...] = ("activation_size", "parameters", "macs")
SIDE_BRANCH = re.compile(r"\baux|auxiliary|side|shortcut|downsample|skip|projection", re.IGNORECASE)


@dataclass(frozen=True)
class Facts:
    """A row's layer, the right values with their formulas, and the rows of the claimed table that feed it.

    `described` is the layer's number in the network that the facts come from.
    """

    row: ClaimedRow
    layer: LayerSpec | None
    correct: Mapping[Quantity, Value] = field(default_factory=dict)
    formulas: Mapping[Quantity, str] = field(default_factory=dict)
    inputs: tuple[int, ...] = ()
    described: int | None = None

    @property
    def is_total(self) -> bool:
        return self.row.layer.kind == "total"

    @property
    def in_side_branch(self) -> bool:
        return SIDE_BRANCH.search(self.row.label) is not None


def facts_of_layer(layer: LayerSpec) -> tuple[dict[Quantity, Value], dict[Quantity, str]]:
    """A layer's right values, and the formulas that they come from."""
    formulas: dict[Quantity, str] = {
        "output_shape": ", ".join(dict.fromkeys(output_formulas(layer)[1:] or output_formulas(layer))),
        "activation_size": size_formula(layer),
        "parameters": parameter_formula(layer),
        "macs": macs_formula(layer),
    }
    values: dict[Quantity, Value] = {quantity: int(value_of(formulas[quantity])) for quantity in SUMMED}
    return {"output_shape": layer.output, **values}, formulas


def facts_of_table(network: DescribedNetwork) -> list[Facts]:
    """Every row's facts, from what the table itself describes."""
    return with_totals([replace(facts_of_row(row), described=number) for number, row in enumerate(network.rows)])


def facts_of_row(described: DescribedRow) -> Facts:
    if described.layer is not None:
        values, formulas = facts_of_layer(described.layer)
        if described.layer.kind == "input":
            formulas["output_shape"] = "given"
        return Facts(described.row, described.layer, values, formulas, described.inputs)
    shape = described.row.shape
    if shape is None:
        return Facts(described.row, None, inputs=described.inputs)
    size = "·".join(str(extent) for extent in (*shape[1:], shape[0]))
    return Facts(described.row, None, {"activation_size": prod(shape)}, {"activation_size": size}, described.inputs)


def with_totals(facts: Sequence[Facts]) -> list[Facts]:
    """The rows named `Total` are the sums of the rows above them; where a row is not known, its claim stands in."""
    filled: list[Facts] = []
    for fact in facts:
        if fact.is_total and not fact.correct:
            layers = [other for other in filled if not other.is_total]
            sums = {quantity: total(layers, quantity) for quantity in SUMMED if quantity in fact.row.numbers}
            known: dict[Quantity, Value] = {quantity: value for quantity, value in sums.items() if value is not None}
            number = fact.row.numbers.get("activation_size")
            without = total([other for other in layers if other.row.layer.kind != "input"], "activation_size")
            if number is not None and without is not None and number.admits(without):
                known["activation_size"] = without  # with or without the input: both are usual
            texts: dict[Quantity, str] = dict.fromkeys(known, "the sum of the rows")
            filled.append(Facts(fact.row, None, known, texts))
        else:
            filled.append(fact)
    return filled


def total(facts: Sequence[Facts], quantity: Quantity) -> int | None:
    """The sum over rows; None where a row is neither known nor claimed as a whole number."""
    values = [right_or_claimed(fact, quantity) for fact in facts]
    known = [value for value in values if value is not None]
    return sum(known) if len(known) == len(values) else None


def right_or_claimed(fact: Facts, quantity: Quantity) -> int | None:
    value = fact.correct.get(quantity)
    if isinstance(value, int):
        return value
    number = fact.row.numbers.get(quantity)
    return int(number.value) if number is not None and number.exact else None


def claimed_outputs(facts: Sequence[Facts]) -> list[Shape | None]:
    """The output shape that each row claims; where it claims none, what follows from the claims above it."""
    outputs: list[Shape | None] = []
    for fact in facts:
        above = outputs[fact.inputs[0]] if fact.inputs else None
        if fact.row.shape is None and fact.layer is not None and above is not None:
            fed = fact.layer.fed(above)
            outputs.append(fed.output if fits(fed) else None)
        else:
            right = fact.correct.get("output_shape")
            outputs.append(fact.row.shape or (right if isinstance(right, tuple) else None))
    return outputs
