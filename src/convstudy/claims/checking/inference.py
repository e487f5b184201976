"""Inference of unstated windows, filters, groups and biases from the numbers around a row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import product
from math import prod

from convstudy.claims.checking.arithmetic import value_of
from convstudy.claims.checking.layer import KEEPS_SHAPE, WINDOWED, LayerSpec, fits, macs_formula, parameter_formula
from convstudy.claims.layer_kind import LayerKind
from convstudy.claims.layer_text import Pair
from convstudy.claims.printed_number import PrintedNumber
from convstudy.claims.printed_shape import Shape
from convstudy.claims.table import ClaimedRow

CONVOLUTION_KERNELS = (3, 5, 7, 1, 11, 2, 4, 9)
POOLING_KERNELS = (2, 3, 4, 5, 7, 8)
MOST_PADDING = 16
UNSTATED_GROUPS = (2, 4, 32)  # AlexNet, and the cardinalities of ResNeXt


@dataclass(frozen=True)
class Neighbours:
    """A row, the row below it, its right and its claimed input, and the settings that the table states elsewhere."""

    row: ClaimedRow
    following: ClaimedRow | None
    feed: Shape
    claimed_feed: Shape
    printed_by_tool: bool = False
    stated: frozenset[str] = frozenset()
    bias: bool | None = None
    operations: bool = False  # whether the column of multiply-accumulates may count two for each

    def number(self, quantity: str) -> PrintedNumber | None:
        return self.row.numbers.get(quantity)


def inferred_window(near: Neighbours, layer: LayerSpec) -> tuple[LayerSpec, tuple[str, ...]]:
    """Return the layer with the window that explains most of the numbers around it; the plainest at a tie."""
    candidates = list(window_candidates(near, layer))
    best = max(candidates, key=lambda candidate: evidence(near, candidate)) if len(candidates) > 1 else candidates[0]
    layer = inferred_channels(near, best)
    return layer, tuple(said(near, layer))


def window_candidates(near: Neighbours, layer: LayerSpec) -> Iterator[LayerSpec]:
    """Yield every window that the row leaves open, the plainest first; stated settings are kept."""
    text, pooling = near.row.layer, layer.kind == "pooling"
    kernels = (
        [text.kernel]
        if text.kernel
        else [(side, side) for side in (POOLING_KERNELS if pooling else CONVOLUTION_KERNELS)]
    )
    base = replace(layer, dilation=text.dilation or (1, 1), rounds_up=bool(text.rounds_up), groups=text.groups or 1)
    for kernel in kernels:
        strides = stride_options(near, kernel, pooling=pooling)
        for stride, (padding, same) in product(strides, padding_order(near, kernel)):
            yield replace(base, kernel=kernel, stride=stride, padding=padding, same=same)


def stride_options(near: Neighbours, kernel: Pair, *, pooling: bool) -> list[Pair]:
    """Return the stated stride; the default, if the table states strides elsewhere; else every usual one."""
    if near.row.layer.stride:
        return [near.row.layer.stride]
    order = [(side, side) for side in stride_order(kernel[0], pooling)]
    return order[:1] if "stride" in near.stated and not pooling else order


def stride_order(kernel: int, pooling: bool) -> list[int]:
    if not pooling:
        return [1, 2, 4, 3]
    return [stride for stride in dict.fromkeys((kernel, 2, 1, 3)) if stride <= max(kernel, 2)]


def padding_order(near: Neighbours, kernel: Pair) -> list[tuple[Pair, bool]]:
    """Return the paddings to try: none, the one that keeps the size, then those between, up to half a kernel."""
    stated = near.row.layer.padding
    if stated == "valid":
        return [((0, 0), False)]
    if stated == "same":
        return [((0, 0), True)]
    if stated is not None:
        return [(stated, False)]
    if "padding" in near.stated and near.row.layer.kind != LayerKind.POOLING:
        return [((0, 0), False)]
    half = (kernel[0] // 2, kernel[1] // 2)
    between = [(side, side) for side in range(min(half[0], MOST_PADDING))]
    order: list[tuple[Pair, bool]] = [((0, 0), False), (half, False), *((pair, False) for pair in between)]
    if kernel[0] % 2 == 0 and near.row.layer.kind != "pooling":
        order.insert(1, ((0, 0), True))
    return list(dict.fromkeys(order))


def evidence(near: Neighbours, candidate: LayerSpec) -> int:
    """Return how many of the numbers around the row a window explains; the claimed shape has the largest weight."""
    return max(evidence_from(near, candidate, feed) for feed in {near.claimed_feed, near.feed})


def evidence_from(near: Neighbours, candidate: LayerSpec, feed: Shape) -> int:
    row = near.row
    channels = row.shape[0] if row.shape else row.layer.channels or 1
    groups = feed[0] if candidate.kind == LayerKind.DEPTHWISE else candidate.groups
    layer = replace(candidate, input=feed, channels=channels, groups=groups)
    if not fits(layer):
        return -1
    side = layer.output_side
    found = 3 * (row.shape is not None and (row.shape[1:] or (1, 1)) == side)
    size = near.number("activation_size")
    found += 2 * (size is not None and size.admits(prod(side) * layer.filters))
    found += 2 * follows(near.following, layer)
    counted = near.number("parameters")
    if row.layer.kernel is None and counted is not None and layer.kind != "pooling":
        found += 4 * counted.admits(value_of(parameter_formula(layer)))
        found += 3 * counted.admits(value_of(parameter_formula(replace(layer, bias=False))))
    return found


def follows(below: ClaimedRow | None, layer: LayerSpec) -> bool:
    """Return whether the claims of the next row can follow from this output."""
    if below is None:
        return False
    kind = below.layer.kind
    if kind in {"dense", "softmax"}:
        return dense_fits(below, prod(layer.output))
    if kind == "flatten":
        return below.shape is not None and prod(below.shape) == prod(layer.output)
    if below.shape is None or len(below.shape) != 3:
        return False
    if kind in KEEPS_SHAPE:
        return below.shape[1:] == layer.output_side
    return window_fits(below, layer.output, below.shape[1:])


def window_fits(below: ClaimedRow, feed: Shape, side: Shape) -> bool:
    """Return whether a convolution or pooling with a stated kernel can give these sides, with any padding."""
    kind = below.layer.kind
    if kind not in WINDOWED or not (below.layer.kernel or kind == "pooling"):
        return False
    kernel = below.layer.kernel or (2, 2)
    stride = below.layer.stride or (kernel if kind == "pooling" else (1, 1))
    window = LayerSpec("pooling", feed, kernel=kernel, stride=stride)
    padded = [replace(window, padding=(pad, pad)) for pad in range(min(kernel[0] // 2, MOST_PADDING) + 1)]
    return any(option.output_side == side for option in padded)


def dense_fits(row: ClaimedRow, features: int) -> bool:
    """Return whether a dense row's parameters follow from its input, right or with a common mistake of the bias."""
    counted = row.numbers.get("parameters")
    units = prod(row.shape) if row.shape else row.layer.channels
    if counted is None or units is None:
        return False
    return any(counted.admits(value) for value in ((features + 1) * units, features * units + 1, features * units))


def inferred_channels(near: Neighbours, layer: LayerSpec) -> LayerSpec:
    """Return the layer with the filters that most of the numbers agree on, with its groups and its bias."""
    if layer.kind == "pooling":
        return layer
    layer = replace(layer, channels=near.row.layer.channels or voted_channels(near, layer))
    if layer.kind == "depthwise convolution":
        layer = replace(layer, groups=layer.input_channels)
    layer = with_groups(near, layer)
    return replace(layer, bias=has_bias(near, layer))


def with_groups(near: Neighbours, layer: LayerSpec) -> LayerSpec:
    """Return the layer with the groups that its claimed parameters imply, if no row of the table states groups."""
    counted = near.number("parameters")
    if (
        layer.kind != LayerKind.CONVOLUTION
        or near.row.layer.groups is not None
        or "groups" in near.stated
        or counted is None
        or not counted.exact
        or not layer.channels
        or holds_with_any_bias(counted, layer)
        or exchanged(near, layer)
    ):
        return layer
    for groups in UNSTATED_GROUPS:
        grouped = replace(layer, groups=groups)
        divides = layer.input_channels % groups == 0 and layer.channels % groups == 0
        fewer = divides and groups < layer.input_channels
        if fewer and holds_with_any_bias(counted, grouped) and admits_macs(near, grouped):
            return grouped
    return layer


def admits_macs(near: Neighbours, layer: LayerSpec) -> bool:
    """Return whether the claimed multiply-accumulates or operations, if any, are those of the layer."""
    number = near.number("macs")
    if number is None or not number.value:
        return True
    macs = value_of(macs_formula(layer))
    return number.holds(macs) or (near.operations and number.holds(2 * macs))


def exchanged(near: Neighbours, layer: LayerSpec) -> bool:
    """Return whether the row claims the layer's parameters as its size and its size as its parameters."""
    counted, size = near.number("parameters"), near.number("activation_size")
    if counted is None or size is None or not fits(layer):
        return False
    return counted.admits(prod(layer.output_side) * layer.filters) and holds_with_any_bias(size, layer)


def holds_with_any_bias(counted: PrintedNumber, layer: LayerSpec) -> bool:
    return any(counted.admits(value_of(parameter_formula(replace(layer, bias=bias)))) for bias in (True, False))


def voted_channels(near: Neighbours, layer: LayerSpec) -> int:
    """Return the filters that most numbers imply; the claimed shape outweighs one other number, but not two."""
    said = [near.row.shape[0]] if near.row.shape else []
    below = near.following
    if (
        below
        and below.shape
        and below.layer.kind in {*KEEPS_SHAPE, "pooling", "global pooling"}
        and layer.kind != "dense"
    ):
        said.append(below.shape[0])
    said += [whole_ratio(near.number("activation_size"), prod(layer.output_side)), by_parameters(near, layer)]
    if below and layer.kind == "dense" and below.shape and (counted := below.numbers.get("parameters")):
        said.append(whole_ratio(counted, prod(below.shape)) - 1)
    votes = Counter(channels for channels in said if channels > 0)
    return max(votes, key=votes.__getitem__, default=0)


def by_parameters(near: Neighbours, layer: LayerSpec) -> int:
    """Return the filters that the claimed parameters imply; 0 if they are not a multiple of one filter's."""
    counted = near.number("parameters")
    if layer.kind not in {"convolution", "dense"} or counted is None:
        return 0
    one = value_of(parameter_formula(replace(layer, channels=1)))
    return whole_ratio(counted, int(one)) or whole_ratio(counted, int(one) - 1)


def whole_ratio(number: PrintedNumber | None, divisor: int) -> int:
    if number is None or not number.exact or divisor <= 0:
        return 0
    ratio = Fraction(number.value, divisor)
    return max(int(ratio), 0) if ratio.denominator == 1 else 0


def has_bias(near: Neighbours, layer: LayerSpec) -> bool:
    """Return whether the layer has a bias: as stated, or none if a tool or a following norm agrees with the claim."""
    stated = near.row.layer.bias if near.bias is None else near.bias
    if stated is not None:
        return stated
    counted = near.number("parameters")
    normed = near.following is not None and near.following.layer.kind == "norm"
    if counted is None or not (normed or near.printed_by_tool):
        return True
    return not counted.admits(value_of(parameter_formula(replace(layer, bias=False))))


def said(near: Neighbours, layer: LayerSpec) -> Iterator[str]:
    """Yield a note on each setting that was not stated."""
    text, usual = near.row.layer, layer.kernel if layer.kind == "pooling" else (1, 1)
    parts = []
    if text.kernel is None:
        parts.append(f"kernel {layer.kernel[0]}×{layer.kernel[1]}")
    if text.stride is None and (text.kernel is None or layer.stride != usual):
        parts.append(f"stride {layer.stride[0]}")
    if text.padding is None:
        parts.append("padding 'same'" if layer.same else f"padding {layer.padding[0]}")
    if parts:
        yield f"{', '.join(parts)} not stated, inferred from the shapes"
    if text.groups is None and layer.groups > 1 and layer.kind == LayerKind.CONVOLUTION:
        yield f"{layer.groups} groups not stated, inferred from the parameters"
    if text.bias is None and not layer.bias and near.bias is None:
        yield "no bias, inferred from the parameters"
