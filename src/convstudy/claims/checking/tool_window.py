"""Windows of layers that a tool printed without their settings: those that give its exact shape and parameters."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from functools import lru_cache
from itertools import product
from math import ceil, prod

from convstudy.claims.checking.layer import LayerSpec
from convstudy.claims.layer_kind import LayerKind
from convstudy.claims.layer_text import Pair
from convstudy.claims.printed_number import PrintedNumber
from convstudy.claims.printed_shape import Shape

SIDES = (3, 1, 5, 7, 2, 4, 11, 9, 6, 8, 10, 12, 13, 14, 15, 16, 17, 19, 21, 25, 31, 32)
OBLONG = tuple((one, other) for one, other in product((1, 3, 5, 7, 9, 11), repeat=2) if one != other)
POOLING_SIDES = (2, 3, 4, 5, 6, 7, 8, 1, 10, 14, 16)
MOST_STRIDE = 32
DILATIONS = (1, 2, 3, 4, 6, 8, 12, 18, 24, 36)


@lru_cache(maxsize=10_000)
def solved_window(
    layer: LayerSpec, shape: Shape, counted: PrintedNumber | None, stated: Pair | None, *, any_side: bool
) -> LayerSpec | None:
    """Return the plainest window that gives the printed shape and parameters, or None.

    With `any_side` the printed sides need not follow from the input, as behind an operation that is not printed.
    """
    for candidate in candidates(replace(layer, channels=channels_of(layer, shape)), counted, stated):
        if any_side:
            return replace(candidate, claimed_output=printed_output(candidate, shape))
        fitted = with_sides(candidate, shape)
        if fitted is not None:
            return fitted
    return None


def channels_of(layer: LayerSpec, shape: Shape) -> int:
    return shape[0] if layer.kind != LayerKind.POOLING else layer.input_channels


def printed_output(layer: LayerSpec, shape: Shape) -> Shape:
    """Return a printed shape as the output of a layer: a signal has a second side of one."""
    return (*shape, 1) if layer.signal and len(shape) == 2 else shape


def kernels_for(layer: LayerSpec, stated: Pair | None) -> Iterator[Pair]:
    if stated is not None:
        yield (stated[0], 1) if layer.signal else stated
    elif layer.kind == LayerKind.POOLING:
        yield from ((side, 1 if layer.signal else side) for side in POOLING_SIDES)
    else:
        yield from ((side, 1 if layer.signal else side) for side in SIDES)
        if not layer.signal:
            yield from OBLONG


def candidates(layer: LayerSpec, counted: PrintedNumber | None, stated: Pair | None) -> Iterator[LayerSpec]:
    """Yield the kernels, groups and biases that give the printed parameters, ungrouped ones first."""
    kernels = [*kernels_for(layer, stated)]
    if layer.kind == LayerKind.POOLING:
        yield from (replace(layer, kernel=kernel) for kernel in kernels)
        return
    for groups, kernel in product(groups_for(layer), kernels):
        weights = weights_of(layer, kernel, groups)
        for bias in (True, False):
            if counted is None or counted.admits(weights + bias * layer.channels):
                yield replace(layer, kernel=kernel, groups=groups, bias=bias)


def groups_for(layer: LayerSpec) -> list[int]:
    """Return the possible groups, the usual ones first."""
    if layer.kind == LayerKind.SEPARABLE:
        return [1]
    if layer.kind == LayerKind.DEPTHWISE:
        return [layer.input_channels]
    both = [g for g in range(1, layer.input_channels + 1) if layer.input_channels % g == 0 and layer.channels % g == 0]
    return sorted(both, key=lambda groups: (groups != 1, groups != layer.input_channels, groups))


def weights_of(layer: LayerSpec, kernel: Pair, groups: int) -> int:
    area = prod(kernel)
    if layer.kind == LayerKind.SEPARABLE:
        return area * layer.input_channels + layer.input_channels * layer.channels
    return area * (layer.input_channels // groups) * layer.channels


def with_sides(layer: LayerSpec, shape: Shape) -> LayerSpec | None:
    """Return the layer with a stride and padding that give the sides of a shape; None if none does."""
    sides = (shape[1], shape[2]) if len(shape) == 3 else (shape[1], 1) if len(shape) == 2 else (1, 1)
    if layer.kind == LayerKind.TRANSPOSED:
        return transposed_sides(layer, sides, shape)
    axes = (0,) if layer.signal else (0, 1)
    for stride, dilation in product(strides_for(layer, sides), DILATIONS):
        pads = [padding_for(layer, axis, sides[axis], stride, dilation) for axis in axes]
        if all(pad is not None for pad in pads):
            return with_padding(layer, sides, stride, dilation, [pad for pad in pads if pad is not None])
        if dilation == 1 and layer.kind == LayerKind.POOLING and rounded_up(layer, sides, stride, axes):
            return replace(
                layer, stride=stride_pair(layer, stride), rounds_up=True, claimed_output=printed_output(layer, shape)
            )
        if layer.kind == LayerKind.POOLING:
            break
    return None


def strides_for(layer: LayerSpec, sides: Pair) -> list[int]:
    """Return the strides that can give the sides, that of the kernel first for pooling."""
    ratio = Fraction(layer.input_side[0], sides[0])
    near = [stride for stride in range(1, MOST_STRIDE + 1) if ratio / 2 <= stride <= 2 * ratio + 1]
    if layer.kind == LayerKind.POOLING:
        return sorted(near, key=lambda stride: (stride != layer.kernel[0], stride))
    return near


def stride_pair(layer: LayerSpec, stride: int) -> Pair:
    return (stride, 1) if layer.signal else (stride, stride)


def padding_for(layer: LayerSpec, axis: int, side: int, stride: int, dilation: int) -> int | None:
    """Return the padding of both sides together that gives one output side, or None; the least, up to the window."""
    length = dilation * (layer.kernel[axis] - 1) + 1
    least = (side - 1) * stride + length - layer.input_side[axis]
    most = least + stride - 1
    if most < 0 or least > 2 * (length - 1) or (length == 1 and least > 0):
        return None
    if layer.kind == LayerKind.POOLING and least > length:
        return None
    return max(least, 0)


def with_padding(layer: LayerSpec, sides: Pair, stride: int, dilation: int, pads: list[int]) -> LayerSpec:
    """Return the layer with a padding; 'same' and, for an uneven one, the printed sides stand for it."""
    steps = stride_pair(layer, stride)
    fitted = replace(layer, stride=steps, dilation=(dilation, 1) if layer.signal else (dilation, dilation))
    halves = [even_padding(fitted, axis, sides[axis], pad) for axis, pad in enumerate(pads)]
    if all(half is not None for half in halves):
        both = [half or 0 for half in halves]
        return replace(fitted, padding=(both[0], both[1] if len(both) > 1 else 0))
    if all(ceil(layer.input_side[axis] / steps[axis]) == sides[axis] for axis in range(len(pads))):
        return replace(fitted, same=True)
    return replace(fitted, claimed_output=(fitted.filters, *sides))


def even_padding(layer: LayerSpec, axis: int, side: int, least: int) -> int | None:
    """Return the padding of each side that gives an output side; None if only an uneven one does."""
    half = -(-least // 2)
    length = layer.dilation[axis] * (layer.kernel[axis] - 1) + 1
    return half if (layer.input_side[axis] + 2 * half - length) // layer.stride[axis] + 1 == side else None


def rounded_up(layer: LayerSpec, sides: Pair, stride: int, axes: tuple[int, ...]) -> bool:
    return all(ceil(Fraction(layer.input_side[axis] - layer.kernel[axis], stride)) + 1 == sides[axis] for axis in axes)


def transposed_sides(layer: LayerSpec, sides: Pair, shape: Shape) -> LayerSpec | None:
    """Return a transposed convolution whose stride, padding and output padding give the sides."""
    axes = (0,) if layer.signal else (0, 1)
    for stride in range(1, MOST_STRIDE + 1):
        lengths = [(layer.input_side[axis] - 1) * stride + layer.kernel[axis] for axis in axes]
        over = [length - sides[axis] for axis, length in zip(axes, lengths, strict=True)]
        if all(-stride < rest <= 2 * (layer.kernel[axis] - 1) for axis, rest in zip(axes, over, strict=True)):
            pads = [max(rest, 0) // 2 for rest in over]
            exact = all(rest == 2 * pad for rest, pad in zip(over, pads, strict=True))
            fitted = replace(
                layer, stride=stride_pair(layer, stride), padding=(pads[0], pads[1] if len(pads) > 1 else 0)
            )
            same = all(layer.input_side[axis] * stride == sides[axis] for axis in axes)
            if exact:
                return fitted
            return replace(fitted, same=True) if same else replace(fitted, claimed_output=printed_output(layer, shape))
    return None
