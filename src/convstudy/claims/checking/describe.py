"""The network that a claimed table describes: what is not stated is inferred from the shapes, and said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice
from math import prod

from convstudy.claims.checking.arithmetic import value_of
from convstudy.claims.checking.inference import Neighbours, inferred_channels, inferred_window
from convstudy.claims.checking.layer import COUNTED, WEIGHTED_WINDOWS, WINDOWED, LayerSpec, fits, parameter_formula
from convstudy.claims.checking.unstated_input import inferred_input
from convstudy.claims.layer_text import CONVOLUTIONS
from convstudy.claims.printed_shape import Shape
from convstudy.claims.table import ClaimedRow, ClaimedTable

FARTHEST_BRANCH = 40  # rows that a branch may reach back where a printout does not say what it is connected to


@dataclass(frozen=True)
class DescribedRow:
    """A row, its layer (None where the table does not tell), the rows that feed it, and what was inferred."""

    row: ClaimedRow
    layer: LayerSpec | None
    inputs: tuple[int, ...]
    notes: tuple[str, ...] = ()

    @property
    def output(self) -> Shape | None:
        return self.layer.output if self.layer else self.row.shape


@dataclass(frozen=True)
class DescribedNetwork:
    """The rows in the table's order, and the input of the first layer."""

    rows: tuple[DescribedRow, ...]
    input_shape: Shape | None

    @property
    def notes(self) -> tuple[str, ...]:
        return tuple(f"{row.row.label}: {note}" for row in self.rows for note in row.notes)

    def with_input(self, shape: Shape) -> list[LayerSpec | None]:
        """The same layers, fed with another input."""
        outputs: list[Shape | None] = []
        layers: list[LayerSpec | None] = []
        for described in self.rows:
            feed = [outputs[number] for number in described.inputs] or [shape]
            layer = described.layer
            if layer is not None and layer.kind == "input":
                layer = replace(layer, input=shape)
            elif layer is not None:
                layer = refed(layer, feed)
            layers.append(layer)
            outputs.append(layer.output if layer else None)
        return layers


def refed(layer: LayerSpec, feed: Sequence[Shape | None]) -> LayerSpec | None:
    """The layer with other inputs; None where one of them is not known or its window does not fit."""
    known = [shape for shape in feed if shape]
    if len(known) < len(feed):
        return None
    if layer.kind == "concatenation":
        return replace(layer, input=joined(known))
    fed = layer.fed(known[0])
    return fed if fits(fed) else None


def joined(shapes: Sequence[Shape]) -> Shape:
    """The shape after a concatenation over the channels."""
    return (sum(shape[0] for shape in shapes), *shapes[0][1:])


def describe(table: ClaimedTable) -> DescribedNetwork:
    """Follow the rows from the input on, each fed with what is right above it, not with what is claimed."""
    described: list[DescribedRow] = []
    start, note = inferred_input(table)
    for number, row in enumerate(table.rows):
        layer_row = describe_row(table, described, number, row, start)
        if number == 0 and note:
            layer_row = replace(layer_row, notes=(note, *layer_row.notes))
        described.append(layer_row)
    return DescribedNetwork(tuple(described), start)


def describe_row(
    table: ClaimedTable, above: list[DescribedRow], number: int, row: ClaimedRow, start: Shape | None
) -> DescribedRow:
    if row.layer.kind == "input":
        shape = row.shape or start
        return DescribedRow(row, LayerSpec("input", shape) if shape else None, ())
    inputs = inputs_of(above, row)
    tried = resolved(table, above, number, row, inputs, start)
    if branches_unsaid(table) and not row.inputs and not explains(tried):
        for back in range(len(above) - 2, max(len(above) - FARTHEST_BRANCH, -1), -1):
            other = resolved(table, above, number, row, (back,), start)
            if explains(other):
                return replace(other, notes=(*other.notes, f"a branch from {above[back].row.label}"))
    return tried


def branches_unsaid(table: ClaimedTable) -> bool:
    return table.printed_by in {"torchinfo", "torchsummary", "model"}


def inputs_of(above: list[DescribedRow], row: ClaimedRow) -> tuple[int, ...]:
    """The rows that feed this one: as a printout says, else the row above, or the nearest of the stated input shape."""
    if row.inputs:
        names = {other.row.label.split(" ")[0]: number for number, other in enumerate(above)}
        return tuple(names[name] for name in row.inputs if name in names) or (len(above) - 1,) * bool(above)
    last = next((number for number in range(len(above) - 1, -1, -1) if above[number].row.layer.kind != "total"), None)
    if last is None:
        return ()
    if row.input_shape and above[last].output and prod(above[last].output or ()) != prod(row.input_shape):
        near = range(last, max(last - FARTHEST_BRANCH, -1), -1)
        return (next((number for number in near if above[number].output == row.input_shape), last),)
    return (last,)


def explains(described: DescribedRow) -> bool:
    """Whether the layer gives the claimed shape and parameters."""
    layer, row = described.layer, described.row
    if layer is None:
        return row.layer.kind not in COUNTED
    counted = row.numbers.get("parameters")
    return (row.shape is None or same_shape(layer.output, row.shape)) and (
        counted is None or counted.admits(value_of(parameter_formula(layer)))
    )


def resolved(
    table: ClaimedTable,
    above: list[DescribedRow],
    number: int,
    row: ClaimedRow,
    inputs: tuple[int, ...],
    start: Shape | None,
) -> DescribedRow:
    """The row's layer, with what was inferred on the way."""
    true = [above[index].output for index in inputs] or [start]
    claimed = [above[index].row.shape or above[index].output for index in inputs] or [start]
    known = [shape for shape in true if shape]
    if len(known) < len(true):
        return DescribedRow(row, None, inputs)
    feed = known[0]
    kind = kind_of(row, feed)
    following = next((later for later in islice(table.rows, number + 1, None) if later.layer.kind != "total"), None)
    near = Neighbours(row, following, feed, claimed[0] or feed, printed_by_tool=table.printed_by is not None)
    layer = LayerSpec(kind, feed)
    notes: tuple[str, ...] = ()
    if kind == "concatenation":
        layer = replace(layer, input=joined(known) if len(known) > 1 else row.shape or feed)
    elif kind in WINDOWED and len(feed) == 3:
        layer, notes = inferred_window(near, layer)
    elif kind == "dense":
        layer = inferred_channels(near, layer)
    elif kind == "norm":
        layer = replace(layer, norm_numbers=4 if table.printed_by == "keras" else 2)
    elif kind == "adaptive pooling" and row.shape and len(row.shape) == 3:
        layer = replace(layer, output_size=(row.shape[1], row.shape[2]))
    elif kind not in COUNTED or kind in WINDOWED:
        return DescribedRow(row, None, inputs)
    if kind in {*WEIGHTED_WINDOWS, "dense", "separable convolution"} and not layer.channels:
        return DescribedRow(row, None, inputs, ("neither filters nor output shape are stated",))
    if not fits(layer) or (kind in CONVOLUTIONS and layer.input_channels % layer.groups):
        return DescribedRow(row, None, inputs, ("its window or its groups do not fit its input",))
    return DescribedRow(row, layer, inputs, notes)


def kind_of(row: ClaimedRow, feed: Shape) -> str:
    """The kind of a row; a `Softmax` row that changes the size or has parameters is a dense layer with a softmax."""
    if row.layer.kind != "softmax":
        return row.layer.kind
    size, counted = row.numbers.get("activation_size"), row.numbers.get("parameters")
    changes = (row.shape is not None and prod(row.shape) != prod(feed)) or (
        size is not None and not size.admits(prod(feed))
    )
    return "dense" if changes or (counted is not None and counted.value != 0) else "softmax"


def same_shape(one: Shape, other: Shape) -> bool:
    """Whether two shapes are the same up to extents of one: (512, 1, 1) prints as (512) too."""
    return one == other or ([n for n in one if n != 1] == [n for n in other if n != 1] and 1 in (*one[1:], *other[1:]))
