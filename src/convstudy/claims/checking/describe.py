"""The network that a claimed table describes; unstated settings are inferred and noted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import islice, product
from math import prod

from convstudy.claims.checking.arithmetic import value_of
from convstudy.claims.checking.conventions import Conventions, first_conventions, implied_conventions
from convstudy.claims.checking.layer import KEEPS_SHAPE, LayerSpec, fits, parameter_formula
from convstudy.claims.checking.row_layer import RowContext, layer_of
from convstudy.claims.checking.unstated_input import inferred_input
from convstudy.claims.layer_kind import LayerKind
from convstudy.claims.layer_text import WEIGHTED
from convstudy.claims.printed_shape import Shape, same_shape
from convstudy.claims.table import ClaimedRow, ClaimedTable

FARTHEST_BRANCH = 40  # rows between a branch and its beginning, if a printout does not list connections
MOST_CUT_NAMES = 12  # rows tried for a connection whose name is cut off
WITHOUT_CONNECTIONS = frozenset({"torchinfo", "torchsummary", "lightning", "model"})
UNLISTED_POOLING = (2, 3, 4)
UNLISTED_OPERATIONS = frozenset({"torchinfo", "torchsummary", "lightning", "flax"})


@dataclass(frozen=True)
class DescribedRow:
    """A row, its layer (None if unknown), the rows that feed it, and notes on what was inferred.

    `doubted` is the layer of a row that no reading explains, although an operation that is not listed may do so.
    """

    row: ClaimedRow
    layer: LayerSpec | None
    inputs: tuple[int, ...]
    notes: tuple[str, ...] = ()
    doubted: LayerSpec | None = None

    @property
    def output(self) -> Shape | None:
        return natural(self.layer, self.layer.output) if self.layer else self.row.shape


def natural(layer: LayerSpec, shape: Shape) -> Shape:
    """Return a shape of a signal without its second side."""
    return shape[:2] if layer.signal and len(shape) == 3 else shape


@dataclass(frozen=True)
class DescribedNetwork:
    """The rows in the table's order, the input of the first layer, and the conventions of the table."""

    rows: tuple[DescribedRow, ...]
    input_shape: Shape | None
    conventions: Conventions = Conventions()  # noqa: RUF009, a frozen record
    remarks: tuple[str, ...] = ()

    @property
    def notes(self) -> tuple[str, ...]:
        return (*self.remarks, *(f"{row.row.label}: {note}" for row in self.rows for note in row.notes))

    def with_input(self, shape: Shape) -> list[LayerSpec | None]:
        """Return the same layers with another input of the network."""
        outputs: list[Shape | None] = []
        layers: list[LayerSpec | None] = []
        for described in self.rows:
            feed = [outputs[number] for number in described.inputs] or [shape]
            layer = described.layer
            if layer is not None and layer.kind == LayerKind.INPUT:
                layer = replace(layer, input=shape)
            elif layer is not None:
                layer = refed(layer, feed)
            layers.append(layer)
            outputs.append(natural(layer, layer.output) if layer else None)
        return layers


def refed(layer: LayerSpec, feed: Sequence[Shape | None]) -> LayerSpec | None:
    """Return the layer with other inputs; None if one of them is unknown or its window does not fit."""
    known = [shape for shape in feed if shape]
    if len(known) < len(feed) or layer.target or layer.claimed_output:
        return None
    if layer.kind == LayerKind.CONCATENATION:
        return replace(layer, input=joined(known))
    fed = layer.fed(known[0])
    return fed if fits(fed) else None


def joined(shapes: Sequence[Shape]) -> Shape:
    """Return the shape after a concatenation over the channels."""
    return (sum(shape[0] for shape in shapes), *shapes[0][1:])


def describe(table: ClaimedTable) -> DescribedNetwork:
    """Describe the network, reading the table by the conventions that its own cells imply."""
    first = first_conventions(table)
    network = describe_with(table, first)
    pairs = [(each.row, each.layer) for each in network.rows if each.layer is not None]
    implied, remarks = implied_conventions(table, first, pairs)
    if implied != first:
        network = replace(describe_with(table, implied), remarks=tuple(remarks))
    return with_printed_total(table, network) if first.from_tool else network


def with_printed_total(table: ClaimedTable, network: DescribedNetwork) -> DescribedNetwork:
    """Return the network with one row read otherwise, if the printed total of a tool contradicts its claim.

    The tool adds up what it prints. If the sum of the claims is not the total, one of them was changed: a row whose
    claim nothing explains, or only a setting that is not usual, while the number that the total needs is a usual one.
    """
    stated = next((row.numbers["parameters"] for row in table.rows if is_summed_up(row)), None)
    claims = [row.numbers.get("parameters") for row in table.rows if row.layer.kind != LayerKind.TOTAL]
    if stated is None or any(claim is None for claim in claims):
        return network
    known = [claim for claim in claims if claim is not None]
    missing = stated.value - sum(claim.value for claim in known)
    slack = sum((claim.last_digit / 2 for claim in (stated, *known) if not claim.exact), Fraction(0))
    if abs(missing) <= slack:
        return network
    if slack:
        return with_rounded_total(network, missing, slack)
    best: tuple[int, int, DescribedRow] | None = None
    for number, described in enumerate(network.rows):
        counted = described.row.numbers.get("parameters")
        skipped = described.row.layer.kind in {LayerKind.TOTAL, LayerKind.INPUT}
        if skipped or counted is None or counted.value + missing < 0:
            continue
        other = as_if_claimed(table, network, number, counted.value + missing)
        gain = unusual(described) - unusual(other)
        if explains(other) and other.layer is not None and gain > (best[0] if best else 0):
            best = gain, number, replace(other, row=described.row)
    if best is None:
        return network
    rows = [*network.rows]
    rows[best[1]] = best[2]
    return replace(network, rows=tuple(rows))


def with_rounded_total(network: DescribedNetwork, missing: Fraction, slack: Fraction) -> DescribedNetwork:
    """Return the network with the one grouped convolution read without groups that a rounded total then allows."""
    for number, described in enumerate(network.rows):
        layer, counted = described.layer, described.row.numbers.get("parameters")
        if layer is None or counted is None or layer.kind != LayerKind.CONVOLUTION or layer.groups == 1:
            continue
        plain = replace(layer, groups=1, bias=True)
        if abs(value_of(parameter_formula(plain)) - counted.value - missing) <= slack:
            rows = [*network.rows]
            rows[number] = replace(described, layer=plain)
            return replace(network, rows=tuple(rows))
    return network


def is_summed_up(row: ClaimedRow) -> bool:
    return row.layer.kind == LayerKind.TOTAL and "parameters" in row.numbers


def as_if_claimed(table: ClaimedTable, network: DescribedNetwork, number: int, value: Fraction) -> DescribedRow:
    """Describe a row as if it claimed other parameters."""
    row = table.rows[number]
    claim = replace(row.numbers["parameters"], value=value)
    changed = replace(row, numbers={**row.numbers, "parameters": claim})
    return describe_row(table, [*network.rows[:number]], number, changed, network.input_shape, network.conventions)


UNEXPLAINED = 10


def unusual(described: DescribedRow) -> int:
    """Return how many settings of a row's reading are unusual: no bias, groups, a reading that is not the first."""
    layer = described.layer
    if not explains(described) or (layer is None and described.doubted is not None):
        return UNEXPLAINED
    if layer is None:
        return 0
    weighted = layer.kind in WEIGHTED
    assumed = any("inferred from the parameters" in note for note in described.notes)
    grouped = layer.groups > 1 and layer.kind != LayerKind.DEPTHWISE
    oblong = layer.kernel[0] != layer.kernel[1] and not layer.signal
    return (weighted and not layer.bias) + 2 * grouped + 2 * oblong + assumed


def describe_with(table: ClaimedTable, conventions: Conventions) -> DescribedNetwork:
    """Follow the rows from the input on, each fed with the right output of its inputs, not with the claimed one."""
    described: list[DescribedRow] = []
    start, note = inferred_input(table)
    for number, row in enumerate(table.rows):
        layer_row = describe_row(table, described, number, row, start, conventions)
        if number == 0 and note:
            layer_row = replace(layer_row, notes=(note, *layer_row.notes))
        described.append(layer_row)
    return DescribedNetwork(tuple(described), start, conventions)


def describe_row(
    table: ClaimedTable,
    above: list[DescribedRow],
    number: int,
    row: ClaimedRow,
    start: Shape | None,
    conventions: Conventions,
) -> DescribedRow:
    """Return the first reading of a row that explains its claims, or else the plainest one."""
    if row.layer.kind == LayerKind.INPUT:
        shape = row.shape or start
        return DescribedRow(row, LayerSpec(LayerKind.INPUT, shape) if shape else None, ())
    following = next(
        (later for later in islice(table.rows, number + 1, None) if later.layer.kind != LayerKind.TOTAL), None
    )
    context = RowContext(table, conventions, row, following)
    inputs = inputs_of(above, row)
    tried = resolved(context, above, inputs, start)
    if explains(tried) or (tried.layer is None and any(above[index].output is None for index in inputs)):
        return tried
    for other, note in other_inputs(table, above, row):
        alternative = resolved(context, above, other, start)
        if explains(alternative):
            return replace(alternative, notes=(*alternative.notes, *([note] if note else [])))
    return unlisted(context, above, tried)


def inputs_of(above: list[DescribedRow], row: ClaimedRow) -> tuple[int, ...]:
    """Return the rows that feed a row: those that a printout lists, else the row above.

    A stated input shape that the row above does not have selects the nearest row that has it.
    """
    if row.inputs:
        found = tuple(choices[0] for name in row.inputs if (choices := rows_named(above, name)))
        return found or (len(above) - 1,) * bool(above)
    last = next(
        (number for number in range(len(above) - 1, -1, -1) if above[number].row.layer.kind != LayerKind.TOTAL), None
    )
    if last is None:
        return ()
    if row.input_shape and above[last].output and prod(above[last].output or ()) != prod(row.input_shape):
        near = range(last, max(last - FARTHEST_BRANCH, -1), -1)
        return (next((number for number in near if above[number].output == row.input_shape), last),)
    return (last,)


def rows_named(above: Sequence[DescribedRow], name: str) -> list[int]:
    """Return the rows of a name, nearest first; a name that either side has cut off matches by its beginning."""
    labels = [each.row.label.split(" ")[0] for each in above]
    exact = [number for number in range(len(labels) - 1, -1, -1) if labels[number] == name]
    if exact:
        return exact
    cut = name.rstrip("….")
    return [
        number
        for number in range(len(labels) - 1, -1, -1)
        if len(cut) > 1
        and (labels[number].startswith(cut) or (len(labels[number]) > 1 and cut.startswith(labels[number])))
    ]


def other_inputs(
    table: ClaimedTable, above: list[DescribedRow], row: ClaimedRow
) -> Iterator[tuple[tuple[int, ...], str | None]]:
    """Yield other rows that may feed a row: those of the same cut name, or a branch that a printout does not list."""
    if row.inputs:
        choices = [rows_named(above, name)[:MOST_CUT_NAMES] for name in row.inputs]
        choices = [each for each in choices if each]
        if any(len(each) > 1 for each in choices):
            yield from ((tuple(chosen), None) for chosen in islice(product(*choices), 1, MOST_CUT_NAMES**2))
    elif table.printed_by in WITHOUT_CONNECTIONS and not row.input_shape:
        seen = {above[-1].output} if above else set()
        for back in range(len(above) - 2, max(len(above) - FARTHEST_BRANCH, -1), -1):
            if above[back].output not in seen:
                seen.add(above[back].output)
                yield (back,), f"a branch from {above[back].row.label}"


def explains(described: DescribedRow) -> bool:
    """Return whether the layer gives the claimed shape and parameters."""
    layer, row = described.layer, described.row
    if layer is None:
        return row.layer.kind == LayerKind.OTHER
    counted = row.numbers.get("parameters")
    return (row.shape is None or same_shape(layer.output, row.shape)) and (
        counted is None or counted.holds(value_of(parameter_formula(layer)))
    )


def resolved(
    context: RowContext, above: Sequence[DescribedRow], inputs: tuple[int, ...], start: Shape | None
) -> DescribedRow:
    """Return the row's layer for given inputs, with notes on what was inferred."""
    row = context.row
    true = [above[index].output for index in inputs] or [start]
    claimed = [above[index].row.shape or above[index].output for index in inputs] or [start]
    if row.input_shape and context.table.printed_by is not None:
        true = claimed = [row.input_shape]
    if row.layer.kind == LayerKind.EMBEDDING and not any(true):
        true = [(1,)]
    known = [shape for shape in true if shape]
    if len(known) < len(true):
        return DescribedRow(row, None, inputs)
    layer, notes = layer_of(context, known, claimed[0] or known[0])
    return DescribedRow(row, layer, inputs, notes)


def unlisted(context: RowContext, above: Sequence[DescribedRow], tried: DescribedRow) -> DescribedRow:
    """Return a reading of a row behind an operation that the table does not list, or else the row as it was tried.

    Tools list modules only, so functional pooling, flattening and concatenation are missing; a table by hand may leave
    out pooling if it leaves out all of it.
    """
    row, layer = tried.row, tried.layer
    from_tool = context.table.printed_by in UNLISTED_OPERATIONS
    if (
        layer is None
        or (row.input_shape and context.table.printed_by)
        or not (from_tool or not context.conventions.lists_pooling)
    ):
        return tried
    label = above[tried.inputs[0]].row.label if tried.inputs else "the input"
    note = f"an operation between {label!r} and this row is not listed"
    for other in behind_unlisted(context, layer) if from_tool else behind_pooling(layer):
        alternative = replace(tried, layer=other, notes=(*tried.notes, note))
        if explains(alternative):
            return alternative
    if from_tool and may_hold(row, layer):
        return DescribedRow(row, None, tried.inputs, (f"{note}, so its numbers are not determined",), doubted=layer)
    return tried


def behind_unlisted(context: RowContext, layer: LayerSpec) -> Iterator[LayerSpec]:
    """Yield the layer with the inputs that an unlisted pooling or flattening can give it."""
    row, shape = context.row, context.row.shape
    counted = row.numbers.get("parameters")
    if layer.kind == LayerKind.DENSE and counted is not None and counted.exact and layer.channels:
        for bias in (True, False):
            features = counted.value / layer.channels - bias
            if features.denominator == 1 and is_pooled(int(features), layer.input):
                yield replace(layer, input=(int(features),), bias=bias, pointwise_axis=None)
    elif shape is not None and len(shape) == 3 and len(layer.input) == 3:
        yield from context.with_any_side(layer, shape)
    elif shape is not None and layer.kind in KEEPS_SHAPE and context.table.printed_by in UNLISTED_OPERATIONS:
        yield replace(layer, input=shape)


def behind_pooling(layer: LayerSpec) -> Iterator[LayerSpec]:
    """Yield the layer behind a pooling that a table by hand does not list: both sides divided by two, three or four."""
    if len(layer.input) != 3:
        return
    for factor in UNLISTED_POOLING:
        channels, height, width = layer.input
        if min(height, width) >= factor:
            fed = replace(layer, input=(channels, height // factor, width // factor))
            if fits(fed):
                yield fed


def is_pooled(features: int, shape: Shape) -> bool:
    """Return whether a pooled map of the same channels has so many values."""
    return (
        len(shape) == 3 and features > 0 and features % shape[0] == 0 and features // shape[0] < max(prod(shape[1:]), 2)
    )


def may_hold(row: ClaimedRow, layer: LayerSpec) -> bool:
    """Return whether some number of input channels gives the claimed parameters: they are a multiple of the filters."""
    counted = row.numbers.get("parameters")
    if counted is None or not counted.exact:
        return True
    if layer.kind not in WEIGHTED:
        return counted.value == value_of(parameter_formula(layer))
    channels = row.shape[0] if row.shape and layer.kind != LayerKind.DENSE else row.shape[-1] if row.shape else 0
    return channels > 0 and counted.value % channels == 0
