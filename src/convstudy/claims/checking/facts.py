"""The right values of every row: from the table's own consequences, or from the layers of a model."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import prod

from convstudy.claims.checking.arithmetic import value_of
from convstudy.claims.checking.conventions import Conventions, macs_text
from convstudy.claims.checking.describe import DescribedNetwork, DescribedRow, natural
from convstudy.claims.checking.layer import (
    WEIGHTED_WINDOWS,
    WITH_CHANNELS,
    WITHOUT_MACS_FORMULA,
    LayerSpec,
    bias_formula,
    fits,
    macs_formula,
    output_formulas,
    parameter_formula,
    size_formula,
    weight_formula,
)
from convstudy.claims.layer_kind import LayerKind
from convstudy.claims.printed_shape import Shape
from convstudy.claims.table import ClaimedRow, Quantity

Value = int | Shape
SUMMED: tuple[Quantity, ...] = ("activation_size", "parameters", "macs")
KERNELS = (*WEIGHTED_WINDOWS, LayerKind.SEPARABLE, LayerKind.TRANSPOSED)
SUMMED_TOO: tuple[Quantity, ...] = ("weights", "biases")
SIDE_BRANCH = re.compile(r"\baux|auxiliary|side|shortcut|downsample|skip|projection", re.IGNORECASE)


@dataclass(frozen=True)
class Facts:
    """A row's layer, its right values with their formulas, and the rows that feed it.

    `described` is the number of the layer in the described network.
    """

    row: ClaimedRow
    layer: LayerSpec | None
    correct: Mapping[Quantity, Value] = field(default_factory=dict)
    formulas: Mapping[Quantity, str] = field(default_factory=dict)
    inputs: tuple[int, ...] = ()
    described: int | None = None

    @property
    def is_total(self) -> bool:
        return self.row.layer.kind == LayerKind.TOTAL

    @property
    def in_side_branch(self) -> bool:
        return SIDE_BRANCH.search(self.row.label) is not None


def facts_of_layer(
    layer: LayerSpec, conventions: Conventions | None = None
) -> tuple[dict[Quantity, Value], dict[Quantity, str]]:
    """Return a layer's right values and their formulas; the MACs column is read by its convention."""
    formulas: dict[Quantity, str] = {
        "output_shape": output_text(layer),
        "activation_size": size_formula(layer),
        "parameters": parameter_formula(layer),
        "macs": macs_text(layer, conventions) if conventions else macs_formula(layer),
    }
    values: dict[Quantity, Value] = {quantity: int(value_of(formulas[quantity])) for quantity in SUMMED}
    return {"output_shape": natural(layer, layer.output), **values}, formulas


def output_text(layer: LayerSpec) -> str:
    """Return the formula of the sides, or of the features."""
    if layer.joined:
        return "×".join(str(extent) for extent in layer.output[1:]) or str(layer.output[0])
    formulas = output_formulas(layer)
    sides = formulas[1:2] if layer.signal and len(formulas) == 3 else formulas[1:]
    return ", ".join(dict.fromkeys(sides or formulas))


def facts_of_table(network: DescribedNetwork) -> list[Facts]:
    """Return every row's facts, from the network that the table itself describes."""
    conventions = network.conventions
    facts = [replace(facts_of_row(row, conventions), described=number) for number, row in enumerate(network.rows)]
    return with_totals(facts)


def facts_of_row(described: DescribedRow, conventions: Conventions) -> Facts:
    row, layer = described.row, described.layer
    if layer is not None:
        values, formulas = facts_of_layer(layer, conventions)
        if layer.kind == LayerKind.INPUT:
            formulas["output_shape"] = "given"
        for quantity, formula in (("weights", weight_formula(layer)), ("biases", bias_formula(layer))):
            if quantity in row.numbers:
                values[quantity], formulas[quantity] = int(value_of(formula)), formula  # type: ignore[index]
        for quantity in undetermined(row, layer, conventions):
            values.pop(quantity, None)
            formulas.pop(quantity, None)
        return Facts(row, layer, values, formulas, described.inputs)
    shape = row.shape
    if shape is None:
        return Facts(row, None, inputs=described.inputs)
    size = "·".join(str(extent) for extent in (*shape[1:], shape[0]))
    return Facts(row, None, {"activation_size": prod(shape)}, {"activation_size": size}, described.inputs)


def undetermined(row: ClaimedRow, layer: LayerSpec, conventions: Conventions) -> list[Quantity]:
    """Return the quantities of a layer that its table does not determine.

    A tool's own count of operations covers more than products: recurrent steps, attention, norms and activations.
    """
    found: list[Quantity] = []
    if layer.kind in KERNELS and row.layer.kernel is None and "parameters" not in row.numbers:
        found += ["parameters", "macs"]  # the shapes alone do not determine a kernel
    number = row.numbers.get("macs")
    open_count = conventions.macs != "macs" or conventions.from_tool or conventions.counts_operations
    if layer.kind in WITHOUT_MACS_FORMULA or (
        open_count and number is not None and number.value and layer.kind not in WITH_CHANNELS
    ):
        found.append("macs")
    if layer.joined and number is not None and open_count:
        found.append("macs")
    return found


def with_totals(facts: Sequence[Facts]) -> list[Facts]:
    """Fill in the rows named `Total` with the sums of the rows above; the claim stands in for an unknown row."""
    filled: list[Facts] = []
    for fact in facts:
        if fact.is_total and not fact.correct:
            layers = [other for other in filled if not other.is_total]
            summed = (*SUMMED, *SUMMED_TOO)
            sums = {quantity: total(layers, quantity) for quantity in summed if quantity in fact.row.numbers}
            known: dict[Quantity, Value] = {quantity: value for quantity, value in sums.items() if value is not None}
            number = fact.row.numbers.get("activation_size")
            without = total([other for other in layers if other.row.layer.kind != LayerKind.INPUT], "activation_size")
            if number is not None and without is not None and number.admits(without):
                known["activation_size"] = without  # with or without the input: both are usual
            texts: dict[Quantity, str] = dict.fromkeys(known, "the sum of the rows")
            filled.append(Facts(fact.row, None, known, texts))
        else:
            filled.append(fact)
    return filled


def total(facts: Sequence[Facts], quantity: Quantity) -> int | None:
    """Return the sum over rows; None if a row is neither known nor claimed as a whole number."""
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
    """Return the output shape that each row claims, or else the one that follows from the claims above it."""
    outputs: list[Shape | None] = []
    for fact in facts:
        above = outputs[fact.inputs[0]] if fact.inputs else None
        if fact.row.shape is None and fact.layer is not None and above is not None:
            fed = fact.layer.fed(above)
            outputs.append(natural(fed, fed.output) if fits(fed) else None)
        else:
            right = fact.correct.get("output_shape")
            outputs.append(fact.row.shape or (right if isinstance(right, tuple) else None))
    return outputs
