"""The search for the mistake behind a wrong cell: passed on, exchanged, a mistaken formula, or a slip."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from functools import cached_property
from math import prod

from convstudy.claims.checking.arithmetic import value_of
from convstudy.claims.checking.describe import DescribedNetwork
from convstudy.claims.checking.facts import Facts, Value, claimed_outputs, facts_of_layer, total
from convstudy.claims.checking.layer import (
    WEIGHTED_WINDOWS,
    LayerSpec,
    bias_formula,
    fits,
    macs_formula,
    parameter_formula,
    weight_formula,
)
from convstudy.claims.checking.mistakes import (
    COUNTED_NOTHING,
    POOLING,
    SLIPS,
    NamedMistake,
    number_mistakes,
    shape_mistakes,
    slips,
)
from convstudy.claims.checking.unstated_input import USUAL_SIDES
from convstudy.claims.layer_kind import LayerKind
from convstudy.claims.layer_text import LayerText
from convstudy.claims.printed_number import PrintedNumber
from convstudy.claims.printed_shape import Shape, same_shape
from convstudy.claims.table import QUANTITIES, ClaimedTable, Quantity

Claimed = PrintedNumber | Shape
DIFFERENCES = frozenset({
    "filters-differ",
    "input-differs",
    "kernels-differ",
    "paddings-differ",
    "strides-differ",
    "units-differ",
})  # fmt: skip
SLIPS_OF_THE_PEN = frozenset({*(slip.name for slip in SLIPS), "product-slip"})
FARTHEST_EXCHANGE = 50  # rows between two cells that may have been exchanged
MOST_SIZED_ROWS = 500  # another input's size is tried on networks up to this length


def agrees(claimed: Claimed, value: Value | Fraction | None) -> bool:
    """Return whether a claim, at its printed precision, is this value."""
    if isinstance(claimed, PrintedNumber):
        return isinstance(value, int | Fraction) and claimed.holds(value)
    return isinstance(value, tuple) and same_shape(claimed, value)


def claim(row_numbers: Facts, quantity: Quantity) -> Claimed | None:
    return row_numbers.row.shape if quantity == "output_shape" else row_numbers.row.numbers.get(quantity)


class MistakeSearch:
    """The search in one table; every method yields the mistakes of one sort that explain a wrong cell."""

    def __init__(
        self, table: ClaimedTable, network: DescribedNetwork, facts: Sequence[Facts], *, against_model: bool = False
    ) -> None:
        self.table, self.network, self.facts, self.against_model = table, network, facts, against_model
        self.claimed = claimed_outputs(facts)

    def explanations(self, number: int, quantity: Quantity) -> list[NamedMistake]:
        """Return every mistake that gives exactly the claimed value, the likeliest first, each once."""
        claimed = claim(self.facts[number], quantity)
        if claimed is None:
            return []
        ways = self.of_total if self.facts[number].is_total else self.of_layer
        found: dict[str, NamedMistake] = {}
        for explanation in ways(number, quantity, claimed):
            found.setdefault(explanation.mistake, explanation)
        if DIFFERENCES & found.keys():  # another network explains more than a slip of the pen
            found = {name: each for name, each in found.items() if name not in SLIPS_OF_THE_PEN}
        return list(found.values())

    def of_layer(self, number: int, quantity: Quantity, claimed: Claimed) -> Iterator[NamedMistake]:
        yield from self.passed_on(number, quantity, claimed)
        yield from self.exchanged(number, quantity, claimed)
        yield from self.by_formula(self.facts[number].layer, quantity, claimed)
        yield from self.differing(number, quantity, claimed)
        yield from self.unpooled(number, quantity, claimed)
        yield from self.of_another_input(number, quantity, claimed)
        yield from self.thousands(number, quantity, claimed)
        yield from self.by_formula_on_claims(number, quantity, claimed)
        yield from self.copied(number, quantity, claimed)
        yield from self.by_kind(number, quantity)
        yield from self.slipped(number, quantity, claimed)

    def values_of(self, layer: LayerSpec) -> tuple[dict[Quantity, Value], dict[Quantity, str]]:
        """Return a layer's values and formulas by the conventions of the table; weights and biases apart."""
        values, formulas = facts_of_layer(layer, self.network.conventions)
        for quantity, formula in (("weights", weight_formula(layer)), ("biases", bias_formula(layer))):
            values[quantity], formulas[quantity] = int(value_of(formula)), formula  # type: ignore[index]
        return values, formulas

    def wrong(self, number: int, quantity: Quantity) -> bool:
        fact = self.facts[number]
        claimed = claim(fact, quantity)
        return claimed is not None and quantity in fact.correct and not agrees(claimed, fact.correct[quantity])

    # -- passed on -----------------------------------------------------------------------------------------------------

    def on_claims(self, number: int, quantity: Quantity) -> Iterator[tuple[LayerSpec, str]]:
        """Yield the layer as it follows from wrong claims in its inputs or its own shape, with the reason."""
        layer, own = self.facts[number].layer, self.facts[number].row.shape
        if layer is None:
            return
        fed = [*self.fed_by_claims(number, layer)]
        yield from fed
        if quantity != "output_shape" and own and self.wrong(number, "output_shape"):
            reason = f"the shape {self.table.printed(own)} claimed in this row"
            for base in (layer, *(layer for layer, _ in fed)):
                yield replace(base, channels=own[0], claimed_output=own), reason

    def fed_by_claims(self, number: int, layer: LayerSpec) -> Iterator[tuple[LayerSpec, str]]:
        for above in self.facts[number].inputs:
            label, shape = self.table.rows[above].label, self.claimed[above]
            right = self.facts[above].correct.get("output_shape")
            if shape is not None and isinstance(right, tuple) and not same_shape(shape, right):
                fed = layer.fed(shape)
                if fits(fed):
                    yield fed, f"the wrong shape {self.table.printed(shape)} of {label!r}"
            size = self.table.rows[above].numbers.get("activation_size")
            if (
                layer.kind == "dense"
                and size
                and size.exact
                and size.value > 0
                and self.wrong(above, "activation_size")
            ):
                yield layer.fed((int(size.value),)), f"the wrong size {size} of {label!r}"

    def passed_on(self, number: int, quantity: Quantity, claimed: Claimed) -> Iterator[NamedMistake]:
        for layer, reason in self.on_claims(number, quantity):
            values, formulas = self.values_of(layer)
            if agrees(claimed, values[quantity]):
                yield NamedMistake("passed-on", f"this follows rightly from {reason}", formulas[quantity])

    # -- formulas ------------------------------------------------------------------------------------------------------

    def by_formula(self, layer: LayerSpec | None, quantity: Quantity, claimed: Claimed) -> Iterator[NamedMistake]:
        if layer is None:
            return
        if quantity in {"weights", "biases"}:
            return
        if quantity == "macs" and self.network.conventions.macs.startswith("operations"):
            yield from mistaken_operations(layer, claimed)
            return
        made = shape_mistakes(layer) if quantity == "output_shape" else number_mistakes(layer, quantity)
        for explanation, value in made:
            if agrees(claimed, value):
                yield explanation

    def by_formula_on_claims(self, number: int, quantity: Quantity, claimed: Claimed) -> Iterator[NamedMistake]:
        for layer, reason in self.on_claims(number, quantity):
            for explanation in self.by_formula(layer, quantity, claimed):
                yield replace(explanation, sentence=f"{explanation.sentence}; on top of {reason}")

    def unpooled(self, number: int, quantity: Quantity, claimed: Claimed) -> Iterator[NamedMistake]:
        """Yield the mistake of a dense layer fed with the map above the pooling, or with a map flattened wrongly."""
        layer, inputs = self.facts[number].layer, self.facts[number].inputs
        if layer is None or layer.kind != "dense" or not inputs:
            return
        above = self.facts[inputs[0]]
        if above.layer is None:
            return
        fed = layer.fed(above.layer.input)
        if above.layer.kind == "flatten":
            yield from self.by_formula(fed, quantity, claimed)
        values, formulas = self.values_of(fed)
        if above.layer.kind in POOLING and agrees(claimed, values[quantity]):
            sentence = f"here the input of {above.row.label!r} is flattened, not its output"
            yield NamedMistake("flatten-mistaken", sentence, f"{formulas[quantity]} = {values[quantity]:,}")

    @cached_property
    def other_inputs(self) -> list[tuple[str, list[LayerSpec | None]]]:
        """Return the network with every other usual side of its input, and a sentence about it."""
        shape = self.network.input_shape
        if shape is None or len(shape) != 3 or len(self.network.rows) > MOST_SIZED_ROWS:
            return []
        return [
            (
                f"this belongs to an input of {side}×{side}, not of {shape[1]}×{shape[2]}",
                self.network.with_input((shape[0], side, side)),
            )
            for side in USUAL_SIDES
        ]

    def of_another_input(self, number: int, quantity: Quantity, claimed: Claimed) -> Iterator[NamedMistake]:
        described = self.facts[number].described
        if described is None:
            return
        for sentence, layers in self.other_inputs:
            layer = layers[described]
            if layer is not None:
                values, formulas = self.values_of(layer)
                if agrees(claimed, values[quantity]):
                    yield NamedMistake("another-input-size", sentence, formulas[quantity])

    def thousands(self, number: int, quantity: Quantity, claimed: Claimed) -> Iterator[NamedMistake]:
        """Yield 1,024 taken for 1,000: in the printed K or M, or in the number of units."""
        fact = self.facts[number]
        value = fact.correct.get(quantity)
        if isinstance(claimed, PrintedNumber) and isinstance(value, int):
            yield from thousands_in_unit(claimed, value)
        layer = fact.layer
        if layer is not None and layer.kind == "dense":
            for taken, meant in ((1024, 1000), (1000, 1024)):
                if taken_for(layer, taken, meant, quantity, claimed):
                    yield NamedMistake("1024-for-1000", f"here {taken:,} is taken where the layer has {meant:,}")

    def by_kind(self, number: int, quantity: Quantity) -> Iterator[NamedMistake]:
        """Yield a count at a layer that has none, whichever formula gave it."""
        kind = self.facts[number].row.layer.kind
        if quantity in {"parameters", "weights", "biases"} and kind in POOLING:
            yield NamedMistake("pooling-given-parameters", "pooling only picks or averages: it learns nothing")
        elif quantity == "parameters" and kind in COUNTED_NOTHING and self.facts[number].correct.get(quantity) == 0:
            yield NamedMistake("parameters-where-there-are-none", "this layer learns nothing")

    # -- another network -----------------------------------------------------------------------------------------------

    def differing(self, number: int, quantity: Quantity, claimed: Claimed) -> Iterator[NamedMistake]:
        """Yield the setting in which the model's layer differs from the one that the row describes."""
        fact = self.facts[number]
        right = fact.correct.get("output_shape")
        if not self.against_model or not isinstance(right, tuple):
            return
        own = fact.row.layer
        if own.kind == LayerKind.INPUT:
            if quantity == "output_shape" and isinstance(claimed, tuple) and not same_shape(claimed, right):
                sentence = "inputs differ: {1} in the model for {0} in the table".format(
                    *(self.table.printed(shape) for shape in (claimed, right))
                )
                yield NamedMistake("input-differs", sentence)
            return
        layer = fact.layer
        if layer is None or layer.kind not in (*WEIGHTED_WINDOWS, "dense"):
            return
        for change, name, ours, theirs in different_settings(layer, own, quantity, claimed):
            if fits(change) and agrees(claimed, self.values_of(change)[0][quantity]):
                sided = quantity == "output_shape" and name in {"filters", "units"}
                formula = "" if sided else self.values_of(change)[1][quantity]
                sentence = f"{name} differ: {ours} in the model for {theirs} in the table"
                yield NamedMistake(f"{name}-differ", sentence, formula)

    # -- the pen -------------------------------------------------------------------------------------------------------

    def exchanged(self, number: int, quantity: Quantity, claimed: Claimed) -> Iterator[NamedMistake]:
        right = self.facts[number].correct.get(quantity)
        if isinstance(claimed, tuple) and isinstance(right, tuple) and sorted(claimed) == sorted(right):
            yield NamedMistake("axes-exchanged", "channels, height and width stand in another order than in other rows")
        for other in QUANTITIES[1:]:
            if other != quantity and self.crosswise((number, quantity), (number, other)):
                name = self.table.columns[other]
                yield NamedMistake("columns-exchanged", f"this number and that of the column {name!r} are exchanged")
        near = range(max(number - FARTHEST_EXCHANGE, 0), min(number + FARTHEST_EXCHANGE + 1, len(self.facts)))
        for other_row in sorted(near, key=lambda row: abs(row - number)):
            if other_row != number and self.crosswise((number, quantity), (other_row, quantity)):
                yield NamedMistake(
                    "rows-exchanged", f"this value and that of {self.table.rows[other_row].label!r} are exchanged"
                )

    def crosswise(self, one: tuple[int, Quantity], other: tuple[int, Quantity]) -> bool:
        """Return whether each of two wrong cells claims the right value of the other."""
        first, second = claim(self.facts[one[0]], one[1]), claim(self.facts[other[0]], other[1])
        if first is None or second is None or not self.wrong(*other):
            return False
        return agrees(first, self.facts[other[0]].correct[other[1]]) and agrees(
            second, self.facts[one[0]].correct.get(one[1])
        )

    def copied(self, number: int, quantity: Quantity, claimed: Claimed) -> Iterator[NamedMistake]:
        if isinstance(claimed, PrintedNumber) and claimed.value == 0:
            yield NamedMistake("left-at-zero", "this layer is not counted at all")
            return
        for other in (number - 1, number + 1):
            if 0 <= other < len(self.facts) and agrees(claimed, self.facts[other].correct.get(quantity)):
                yield NamedMistake("copied-from-another-row", f"this is the value of {self.table.rows[other].label!r}")

    def slipped(self, number: int, quantity: Quantity, claimed: Claimed) -> Iterator[NamedMistake]:
        right = self.facts[number].correct.get(quantity)
        if isinstance(claimed, PrintedNumber) and claimed.exact and isinstance(right, int):
            yield from slips(int(claimed.value), right, product="·" in self.facts[number].formulas.get(quantity, ""))
        elif isinstance(claimed, tuple) and isinstance(right, tuple) and len(claimed) == len(right):
            wrong = [(one, other) for one, other in zip(claimed, right, strict=True) if one != other]
            if len(set(wrong)) == 1:
                yield from slips(*wrong[0])

    # -- totals --------------------------------------------------------------------------------------------------------

    def of_total(self, number: int, quantity: Quantity, claimed: Claimed) -> Iterator[NamedMistake]:
        rows = [fact for fact in self.facts[:number] if not fact.is_total]
        if not isinstance(claimed, PrintedNumber):
            return
        claims = [fact.row.numbers[quantity].value for fact in rows if quantity in fact.row.numbers]
        if claims and claimed.admits(sum(claims)):
            yield NamedMistake(
                "passed-on", "this is the sum of the claimed numbers, wrong ones among them", "the sum of the claims"
            )
        main = [fact for fact in rows if not fact.in_side_branch]
        without = total(main, quantity) if len(main) < len(rows) else None
        if without is not None and claimed.admits(without):
            others = [
                other for other in QUANTITIES[1:] if other != quantity and other in self.facts[number].row.numbers
            ]
            one_column = any(not self.wrong(number, other) for other in others)
            name = "side-branches-in-one-column" if one_column else "side-branches-left-out"
            labels = ", ".join(fact.row.label for fact in rows if fact.in_side_branch)
            yield NamedMistake(
                name,
                f"the sum leaves out {labels}, which other columns count"
                if one_column
                else f"the sum leaves out {labels}",
            )
        for mistaken, name, sentence in mistaken_sums(rows):
            if quantity == "parameters" and claimed.admits(mistaken):
                yield NamedMistake(name, sentence)
        right = self.facts[number].correct.get(quantity)
        if isinstance(right, int):
            if claimed.admits(2 * right) and quantity == "macs":
                yield NamedMistake(
                    "flops-for-macs",
                    "one multiply-accumulate is two floating-point operations; these are FLOPs",
                    f"2·{right}",
                )
            yield from thousands_in_unit(claimed, right)
            for fact in rows:
                part = fact.correct.get(quantity)
                if isinstance(part, int) and part and claimed.admits(right - part):
                    yield NamedMistake("row-left-out", f"the sum leaves out {fact.row.label!r}", f"{right} − {part}")
        yield from self.slipped(number, quantity, claimed)


def different_settings(
    layer: LayerSpec, row: LayerText, quantity: Quantity, claimed: Claimed
) -> Iterator[tuple[LayerSpec, str, str, str]]:
    """Yield a model's layer with one setting as a row has it, the setting's name, and its two values."""
    name = "units" if layer.kind == "dense" else "filters"
    filters = claimed[0] if isinstance(claimed, tuple) else row.channels
    if filters is None and isinstance(claimed, PrintedNumber) and claimed.value > 0:
        one = facts_of_layer(replace(layer, channels=1))[0][quantity]
        whole = claimed.value / one if isinstance(one, int) and one else Fraction(0)
        filters = int(whole) if whole.denominator == 1 else None
    if filters and layer.groups == 1 and filters != layer.channels:
        yield replace(layer, channels=filters), name, str(layer.channels), str(filters)
    for setting, many in (("kernel", "kernels"), ("stride", "strides"), ("padding", "paddings")):
        ours, theirs = getattr(layer, setting), getattr(row, setting)
        if layer.kind != "dense" and isinstance(theirs, tuple) and theirs != ours:
            changed = replace(layer, **{setting: theirs})  # type: ignore[arg-type]
            yield changed, many, "×".join(map(str, ours)), "×".join(map(str, theirs))


def mistaken_operations(layer: LayerSpec, claimed: Claimed) -> Iterator[NamedMistake]:
    """Yield the mistakes in a column of operations, two per multiply-accumulate."""
    formula = macs_formula(layer)
    if agrees(claimed, value_of(formula)):
        yield NamedMistake("macs-for-flops", "these are multiply-accumulates, not two operations each", formula)
    for mistake, value in number_mistakes(layer, "macs"):
        if agrees(claimed, 2 * value):
            yield replace(mistake, formula=f"2·({mistake.formula})")


def mistaken_sums(rows: Sequence[Facts]) -> Iterator[tuple[int, str, str]]:
    """Yield sums of parameters over the whole network with one mistake made in every row."""
    right = total(rows, "parameters")
    if right is None:
        return
    layers = [fact.layer for fact in rows if fact.layer is not None]
    biases = sum(layer.filters for layer in layers if layer.bias and parameter_formula(layer).startswith("("))
    yield right - biases, "bias-left-out", "every filter and unit has a bias as well; here all are left out"
    norms = sum(layer.input_channels for layer in layers if layer.kind == "norm" and layer.norm_numbers == 2)
    if norms:
        sentence = "running mean and variance are buffers; only scale and shift are trained"
        yield right + 2 * norms, "statistics-counted-as-parameters", sentence


def thousands_in_unit(claimed: PrintedNumber, right: int) -> Iterator[NamedMistake]:
    for power in (1, 2, 3):
        if claimed.scale == 1000**power and claimed.admits(Fraction(right * 1000**power, 1024**power)):
            yield NamedMistake(
                "1024-for-1000", f"K is 1,000, not 1,024: this is {right:,}/1024{'²³'[power - 2] if power > 1 else ''}"
            )
        if claimed.scale == 1000**power and claimed.admits(Fraction(right * 1024**power, 1000**power)):
            yield NamedMistake("1024-for-1000", "1,024 is taken for 1,000")


def taken_for(layer: LayerSpec, taken: int, meant: int, quantity: Quantity, claimed: Claimed) -> bool:
    """Return whether the claim is that of a layer with `taken` units or features instead of `meant`."""
    changed = replace(
        layer,
        channels=taken if layer.channels == meant else layer.channels,
        input=(taken,) if prod(layer.input) == meant else layer.input,
    )
    return agrees(claimed, facts_of_layer(changed)[0][quantity])
