"""The layer of one row, for given inputs: its stated settings, completed by those that explain its claims."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from math import prod

from convstudy.claims.checking.arithmetic import value_of
from convstudy.claims.checking.conventions import Conventions
from convstudy.claims.checking.inference import Neighbours, inferred_channels, inferred_window, window_candidates
from convstudy.claims.checking.layer import (
    COUNTED,
    WEIGHTED_WINDOWS,
    WINDOWED,
    WITH_CHANNELS,
    LayerSpec,
    fits,
    parameter_formula,
)
from convstudy.claims.checking.parameter_readings import (
    ParameterReading,
    attention_readings,
    embedding_readings,
    layer_norm_readings,
    prelu_readings,
    recurrent_name,
    recurrent_readings,
)
from convstudy.claims.checking.tool_window import solved_window
from convstudy.claims.columns import counts_operations
from convstudy.claims.layer_kind import LayerKind
from convstudy.claims.layer_text import CONVOLUTIONS, POOLS, LayerText
from convstudy.claims.printed_shape import Shape, same_shape
from convstudy.claims.table import ClaimedRow, ClaimedTable

NORM_NUMBERS = {"keras": (4, 3), "mxnet": (4,), "flax": (2, 4, 1, 3), "torchinfo": (2, 0), "torchsummary": (2, 0),
                "lightning": (2, 0)}  # fmt: skip
Found = tuple[LayerSpec | None, tuple[str, ...]]
UNKNOWN: Found = (None, ())


@dataclass(frozen=True)
class RowContext:
    """A row, the row below it, and the table with its conventions."""

    table: ClaimedTable
    conventions: Conventions
    row: ClaimedRow
    following: ClaimedRow | None

    @property
    def from_tool(self) -> bool:
        return self.conventions.from_tool

    @property
    def feature_axes(self) -> tuple[int, ...]:
        """Return the axes that can be the features of a sequence: the printed last one of a tool."""
        if not self.from_tool:
            return (-1, 0)
        return (0,) if self.table.layout == "channels last" else (-1,)

    def with_any_side(self, layer: LayerSpec, shape: Shape) -> Iterator[LayerSpec]:
        """Yield the layer with the sides that are printed, whatever its input's sides are."""
        if layer.kind in WINDOWED:
            counted = self.row.numbers.get("parameters") if layer.kind != LayerKind.POOLING else None
            base = replace(layer, claimed_output=None, same=False, groups=1)
            found = solved_window(base, shape, counted, self.row.layer.kernel, any_side=True)
            if found is not None and (layer.kind != LayerKind.POOLING or shape[0] == layer.input_channels):
                yield found
        elif layer.kind == LayerKind.NORM and shape[0] == layer.input_channels:
            yield replace(layer, input=shape)


def layer_of(context: RowContext, known: Sequence[Shape], claimed_feed: Shape) -> Found:
    """Return the layer of a row that is fed with known shapes, and notes; None if the table does not determine it."""
    row = context.row
    feed = known[0]
    kind = kind_of(row, feed)
    if kind not in COUNTED:
        return UNKNOWN
    layer = LayerSpec(kind, feed)
    if kind == LayerKind.CONCATENATION:
        return concatenated(row, known, layer)
    if kind == LayerKind.ADDITION:
        return replace(layer, input=max(known, key=prod)), ()
    if kind in {*WINDOWED, LayerKind.TRANSPOSED}:
        found = window_layer(context, layer, claimed_feed)
    elif kind == LayerKind.DENSE:
        found = dense_layer(context, layer, claimed_feed)
    elif kind in {LayerKind.PADDING, LayerKind.RESIZING, LayerKind.RESHAPE, LayerKind.FLATTEN}:
        found = reshaped(row, layer)
    elif kind == LayerKind.ADAPTIVE_POOLING:
        found = adapted(row, layer)
    elif kind == LayerKind.NORM:
        found = replace(layer, norm_numbers=norm_numbers(context, layer)), ()
    elif kind in {LayerKind.RECURRENT, LayerKind.EMBEDDING, LayerKind.ATTENTION, LayerKind.LAYER_NORM, LayerKind.PRELU}:
        found = read_layer(context, layer)
    else:
        found = layer, ()
    return with_joined(context, *found)


def kind_of(row: ClaimedRow, feed: Shape) -> LayerKind:
    """Return the kind of a row; a softmax that changes the size or has parameters is a dense layer with a softmax."""
    if row.layer.kind != LayerKind.SOFTMAX:
        return LayerKind(row.layer.kind)
    size, counted = row.numbers.get("activation_size"), row.numbers.get("parameters")
    changes = (row.shape is not None and prod(row.shape) != prod(feed)) or (
        size is not None and not size.admits(prod(feed))
    )
    return LayerKind.DENSE if changes or (counted is not None and counted.value != 0) else LayerKind.SOFTMAX


def concatenated(row: ClaimedRow, known: Sequence[Shape], layer: LayerSpec) -> Found:
    """Return a concatenation over the channels, or over another axis if only that gives the claimed shape."""
    if len(known) < 2:
        return replace(layer, input=row.shape or known[0]), ()
    shape = (sum(each[0] for each in known), *known[0][1:])
    for axis in range(1, len(known[0])):
        if row.shape != shape and all(len(each) == len(known[0]) for each in known):
            other = tuple(
                sum(each[number] for each in known) if number == axis else extent
                for number, extent in enumerate(known[0])
            )
            if other == row.shape:
                return replace(layer, input=other), ()
    return replace(layer, input=shape), ()


def reshaped(row: ClaimedRow, layer: LayerSpec) -> Found:
    """Return a layer with a claimed output that is possible: other sides, or the same values in another shape."""
    claimed = row.shape
    if layer.kind == LayerKind.FLATTEN:
        same = claimed is not None and len(claimed) > 1 and prod(claimed) == prod(layer.input)
        return replace(layer, target=claimed if same and claimed else ()), ()
    if claimed is None:
        return UNKNOWN
    if layer.kind == LayerKind.RESHAPE:
        return (replace(layer, target=claimed), ()) if prod(claimed) == prod(layer.input) else UNKNOWN
    if len(claimed) != len(layer.input):
        return UNKNOWN
    return replace(layer, target=(layer.input_channels, *claimed[1:])), ("its output sides are taken from the table",)


def adapted(row: ClaimedRow, layer: LayerSpec) -> Found:
    """Return an adaptive pooling to the claimed sides."""
    if row.shape and len(row.shape) == 3:
        return replace(layer, output_size=(row.shape[1], row.shape[2])), ()
    if row.shape and len(row.shape) == 2 and len(layer.input) == 2:
        return replace(layer, target=(layer.input_channels, row.shape[1])), ()
    return layer, ()


def norm_numbers(context: RowContext, layer: LayerSpec) -> int:
    """Return the numbers per channel that the tool counts, or two; the claim decides between settings of the tool."""
    if context.conventions.norm_numbers:
        return context.conventions.norm_numbers
    possible = NORM_NUMBERS.get(context.table.printed_by or "", (2,))
    if "group" in context.row.label.lower():
        possible = (2, 0, 1)
    counted = context.row.numbers.get("parameters")
    if counted is not None:
        return next((n for n in possible if counted.admits(n * layer.input_channels)), possible[0])
    return possible[0]


def neighbours(context: RowContext, feed: Shape, claimed_feed: Shape) -> Neighbours:
    return Neighbours(
        context.row,
        context.following,
        feed,
        claimed_feed,
        printed_by_tool=context.table.printed_by not in {None, "cs231n", "caffe"},
        stated=context.conventions.stated,
        bias=context.conventions.bias_of(context.row.layer, kind_of(context.row, feed)),
        operations=counts_operations(context.table.columns.get("macs", "")),
    )


def window_layer(context: RowContext, layer: LayerSpec, claimed_feed: Shape) -> Found:
    """Return a convolution or pooling: solved from a tool's exact numbers, else inferred from the evidence."""
    if len(layer.input) == 2 and context.from_tool:
        layer = replace(layer, input=(*layer.input, 1), signal=True)
        claimed_feed = (*claimed_feed, 1) if len(claimed_feed) == 2 else claimed_feed
    if len(layer.input) != 3:
        return UNKNOWN
    return solved(context, layer) or inferred(context, layer, claimed_feed)


def solved(context: RowContext, layer: LayerSpec) -> Found | None:
    """Return the window that gives a tool's exact shape and parameters, or a transposed convolution's; else None."""
    row = context.row
    exact = context.from_tool or layer.kind == LayerKind.TRANSPOSED
    if not exact or not row.shape or len(row.shape) != (2 if layer.signal else 3):
        return None
    counted = row.numbers.get("parameters") if layer.kind != LayerKind.POOLING else None
    found = solved_window(layer, row.shape, counted, row.layer.kernel, any_side=False)
    keeps_channels = layer.kind != LayerKind.POOLING or row.shape[0] == layer.input_channels
    return (found, ()) if found is not None and keeps_channels else None


def inferred(context: RowContext, layer: LayerSpec, claimed_feed: Shape) -> Found:
    """Return the window that most of the numbers around the row agree on."""
    row = context.row
    if layer.signal and context.from_tool and layer.kind != LayerKind.POOLING:
        return signal_as_printed(row, layer)
    if layer.kind == LayerKind.TRANSPOSED:
        return transposed(row, layer)
    near = neighbours(context, layer.input, claimed_feed)
    if any(text.kind in POOLS for text in row.layer.joined):
        return behind_joined_pooling(context, near, layer)
    layer, notes = inferred_window(near, layer)
    if layer.kind in {*WEIGHTED_WINDOWS, LayerKind.SEPARABLE} and not layer.channels:
        return None, ("neither filters nor output shape are stated",)
    if not fits(layer) or (layer.kind in CONVOLUTIONS and layer.input_channels % layer.groups):
        return None, ("its window or its groups do not fit its input",)
    return layer, notes


def behind_joined_pooling(context: RowContext, near: Neighbours, layer: LayerSpec) -> Found:
    """Return the plainest window for which the claimed shape is that behind the pooling of the same row."""
    row = context.row
    texts = row.layer.joined
    layer = replace(layer, channels=row.layer.channels or (row.shape[0] if row.shape else 0))
    if not layer.channels:
        return None, ("neither filters nor output shape are stated",)
    options = [
        replace(each, joined=tuple(joined_layer(context, text) for text in texts))
        for each in window_candidates(near, layer)
        if fits(each)
    ]
    if not options:
        return None, ("its window or its groups do not fit its input",)
    fitting = [each for each in options if row.shape is None or same_shape(each.output, row.shape)]
    return (fitting or options)[0], ()


def signal_as_printed(row: ClaimedRow, layer: LayerSpec) -> Found:
    """Return a convolution over a signal whose numbers no window explains, with the plainest window."""
    if row.shape is None or len(row.shape) != 2:
        return UNKNOWN
    return replace(layer, channels=row.shape[0], kernel=(3, 1), claimed_output=(*row.shape, 1)), ()


def transposed(row: ClaimedRow, layer: LayerSpec) -> Found:
    """Return a transposed convolution with its stated settings; unstated, stride and kernel are two."""
    text = row.layer
    channels = text.channels or (row.shape[0] if row.shape and len(row.shape) == 3 else 0)
    if not channels or text.kernel is None:
        return UNKNOWN
    stride = text.stride or (1, 1)
    padding = text.padding if isinstance(text.padding, tuple) else (0, 0)
    made = replace(
        layer, channels=channels, kernel=text.kernel, stride=stride, padding=padding, same=text.padding == "same"
    )
    return (made, ()) if fits(made) else UNKNOWN


def dense_layer(context: RowContext, layer: LayerSpec, claimed_feed: Shape) -> Found:
    """Return a dense layer on the flattened input, or on the features at every position if its shape says so."""
    row = context.row
    shape = row.shape
    if shape is not None and len(shape) > 1 and len(shape) == len(layer.input) and not is_vector(shape):
        for axis in context.feature_axes:
            rest = [extent for number, extent in enumerate(layer.input) if number != axis % len(layer.input)]
            printed = [extent for number, extent in enumerate(shape) if number != axis % len(shape)]
            if rest == printed or context.from_tool:
                units = row.layer.channels or shape[axis]
                made = replace(layer, channels=units, pointwise_axis=axis)
                return replace(made, bias=counted_bias(row, made, context)), ()
    made = inferred_channels(neighbours(context, layer.input, claimed_feed), layer)
    return (made, ()) if made.channels else (None, ("neither units nor output shape are stated",))


def is_vector(shape: Shape) -> bool:
    return sum(extent != 1 for extent in shape) <= 1


def counted_bias(row: ClaimedRow, layer: LayerSpec, context: RowContext) -> bool:
    known = context.conventions.bias_of(row.layer, layer.kind)
    counted = row.numbers.get("parameters")
    if known is not None or counted is None:
        return True if known is None else known
    return not counted.admits(value_of(parameter_formula(replace(layer, bias=False))))


def read_layer(context: RowContext, layer: LayerSpec) -> Found:
    """Return a layer with unstated settings, with the reading that gives its claimed parameters, or the usual one."""
    row = context.row
    counted = row.numbers.get("parameters")
    usual: tuple[LayerSpec, ParameterReading] | None = None
    for made, readings in readings_of(context, layer):
        for reading in readings:
            usual = usual or (made, reading)
            if counted is None or counted.holds(value_of(reading.formula)):
                notes = (f"{reading.assumed}, inferred from the parameters",) if reading.assumed else ()
                return replace(made, parameters_as=reading.formula), notes
    vague = layer.kind == LayerKind.ATTENTION and not (context.from_tool or is_multi_head(row))
    return (replace(usual[0], parameters_as=usual[1].formula), ()) if usual and not vague else UNKNOWN


def is_multi_head(row: ClaimedRow) -> bool:
    return re.search(r"multi|mha|heads?\b", row.label.lower()) is not None


def readings_of(context: RowContext, layer: LayerSpec) -> Iterator[tuple[LayerSpec, Iterable[ParameterReading]]]:
    """Yield the layer with each output that it may have, and its readings."""
    row = context.row
    counted = row.numbers.get("parameters")
    for axis in context.feature_axes:
        if layer.kind == LayerKind.LAYER_NORM:
            for each in dict.fromkeys((axis, 0, -1) if len(layer.input) == 3 else (axis,)):
                yield layer, layer_norm_readings(layer.input, each)
        elif layer.kind == LayerKind.PRELU:
            yield layer, prelu_readings(layer.input)
        elif layer.kind == LayerKind.ATTENTION:
            yield layer, attention_readings(layer.input[axis], counted)
        elif layer.kind == LayerKind.EMBEDDING and (row.shape or row.layer.channels):
            dim = row.shape[axis] if row.shape else row.layer.channels or 1
            yield replace(layer, target=row.shape or (dim,)), embedding_readings(row, dim, counted)
        elif layer.kind == LayerKind.RECURRENT and len(layer.input) <= 2 and (row.shape or row.layer.channels):
            yield from recurrent_layers(context, layer, axis)


def recurrent_layers(
    context: RowContext, layer: LayerSpec, axis: int
) -> Iterator[tuple[LayerSpec, Iterable[ParameterReading]]]:
    """Yield a recurrent layer in one direction and in both, whose output then has twice the hidden size."""
    row = context.row
    width = row.shape[axis] if row.shape else row.layer.channels or 1
    name = recurrent_name(row.label, row.layer.kind)
    features = layer.input[axis]
    target = row.shape or (width,)
    if not row.layer.bidirectional:
        yield replace(layer, target=target), recurrent_readings(name, features, width, bidirectional=False)
    if width % 2 == 0 and (row.layer.bidirectional or context.from_tool):
        hidden = row.layer.channels if row.layer.bidirectional and row.layer.channels else width // 2
        yield replace(layer, target=target), recurrent_readings(name, features, hidden, bidirectional=True)


def with_joined(context: RowContext, layer: LayerSpec | None, notes: tuple[str, ...]) -> Found:
    """Return the layer with the operations that its row joins to it; its bias and channels then fit the whole row."""
    texts = context.row.layer.joined
    if layer is None or not texts:
        return layer, notes
    joined = tuple(joined_layer(context, text) for text in texts)
    made = replace(layer, joined=joined)
    counted = context.row.numbers.get("parameters")
    if counted is None or layer.kind not in WITH_CHANNELS:
        return made, notes
    options = [replace(made, bias=bias) for bias in dict.fromkeys((layer.bias, True, False))]
    options += [with_statistics(option) for option in options]
    fitting = [option for option in options if counted.holds(value_of(parameter_formula(option)))]
    return (fitting[0] if fitting else made), notes


def joined_layer(context: RowContext, text: LayerText) -> LayerSpec:
    kind = LayerKind(text.kind)
    if kind == LayerKind.POOLING:
        kernel = text.kernel or (2, 2)
        padding = text.padding if isinstance(text.padding, tuple) else (0, 0)
        return LayerSpec(
            kind, kernel=kernel, stride=text.stride or kernel, padding=padding, same=text.padding == "same"
        )
    return LayerSpec(kind, norm_numbers=context.conventions.norm_numbers or 2)


def with_statistics(layer: LayerSpec) -> LayerSpec:
    """Return the layer whose joined norms are counted with four numbers per channel."""
    return replace(layer, joined=tuple(replace(each, norm_numbers=4) for each in layer.joined))
