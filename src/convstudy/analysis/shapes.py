"""Shape rules for the commonest operations on the meta device, where torch takes up to a millisecond each.

A rule answers only if the arguments fit; otherwise torch itself runs the operation, and raises its own errors.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

Arguments = tuple[Any, ...]
Result = Any
ShapeRule = Callable[[Arguments], Result]


def empty(shape: Any, like: Tensor) -> Tensor:
    return torch.empty(shape, dtype=like.dtype, device="meta")


def _convolution(args: Arguments) -> Result:
    input, weight, bias, stride, padding, dilation, transposed, _, groups = args
    spatial = weight.dim() - 2
    fits = (
        not transposed
        and input.dim() == spatial + 2
        and input.shape[1] == weight.shape[1] * groups
        and weight.shape[0] % groups == 0
        and input.dtype == weight.dtype
        and (bias is None or bias.shape == weight.shape[:1])
        and len(stride) == len(padding) == len(dilation) == spatial
    )
    if not fits:
        return None
    sizes = [
        (size + 2 * pad - step * (kernel - 1) - 1) // move + 1
        for size, kernel, move, pad, step in zip(
            input.shape[2:], weight.shape[2:], stride, padding, dilation, strict=True
        )
    ]
    return empty((input.shape[0], weight.shape[0], *sizes), input) if min(sizes) > 0 else None


def _max_pooling(args: Arguments) -> Result:
    """Compute 2-d max pooling, rounded down; torch loads its symbolic shapes for it, in a quarter of a second."""
    input, kernel = args[0], args[1]
    stride, padding, dilation = (args[number] if len(args) > number else () for number in (2, 3, 4))
    stride, padding, dilation = stride or kernel, padding or (0, 0), dilation or (1, 1)
    fits = (
        input.dim() == 4
        and len(kernel) == len(stride) == len(padding) == len(dilation) == 2
        and not any(args[5:])
        and all(0 <= 2 * pad <= size for pad, size in zip(padding, kernel, strict=True))
        and min(*stride, *dilation) > 0
    )
    if not fits:
        return None
    sizes = [
        (size + 2 * pad - step * (window - 1) - 1) // move + 1
        for size, window, move, pad, step in zip(input.shape[2:], kernel, stride, padding, dilation, strict=True)
    ]
    shape = (*input.shape[:2], *sizes)
    return (empty(shape, input), torch.empty(shape, dtype=torch.int64, device="meta")) if min(sizes) > 0 else None


def _batch_norm(args: Arguments) -> Result:
    input, *channelwise = args[:5]
    channels = input.shape[1]
    if any(vector is not None and vector.shape != (channels,) for vector in channelwise):
        return None
    statistics = empty((channels if args[5] else 0,), input)
    return empty(input.shape, input), statistics, empty(statistics.shape, input)


def _layer_norm(args: Arguments) -> Result:
    input, normalised, weight, bias, _ = args
    axes = len(normalised)
    if list(input.shape[-axes:]) != list(normalised) or any(
        affine is not None and affine.dtype != input.dtype for affine in (weight, bias)
    ):
        return None
    statistics = (*input.shape[:-axes], *[1] * axes)
    return empty(input.shape, input), empty(statistics, input), empty(statistics, input)


def _addmm(args: Arguments) -> Result:
    bias, left, right = args
    fits = (
        left.dim() == right.dim() == 2
        and left.shape[1] == right.shape[0]
        and bias.shape == right.shape[1:]
        and bias.dtype == left.dtype == right.dtype
    )
    return empty((left.shape[0], right.shape[1]), left) if fits else None


def _pointwise(args: Arguments) -> Result:
    """Compute an element-wise operation on floating-point tensors of one shape and type."""
    first = args[0]
    if not isinstance(first, Tensor) or not first.is_floating_point():
        return None
    for other in args[1:]:
        if isinstance(other, Tensor):
            if other.shape != first.shape or other.dtype != first.dtype:
                return None
        elif isinstance(other, complex):
            return None
    return empty(first.shape, first)


def _pointwise_in_place(args: Arguments) -> Result:
    return None if _pointwise(args) is None else args[0]


def _softmax(args: Arguments) -> Result:
    input = args[0]
    return empty(input.shape, input) if input.is_floating_point() and -input.dim() <= args[1] < input.dim() else None


aten = torch.ops.aten
SHAPE_RULES: dict[Any, ShapeRule] = {
    aten.convolution.default: _convolution,
    aten.max_pool2d_with_indices.default: _max_pooling,
    aten.native_batch_norm.default: _batch_norm,
    aten.native_layer_norm.default: _layer_norm,
    aten.addmm.default: _addmm,
    aten._safe_softmax.default: _softmax,
    **dict.fromkeys(
        [
            aten.add.Tensor,
            aten.sub.Tensor,
            aten.mul.Tensor,
            aten.mul.Scalar,
            aten.relu.default,
            aten.gelu.default,
            aten.silu.default,
            aten.sigmoid.default,
            aten.tanh.default,
            aten.hardswish.default,
            aten.hardsigmoid.default,
            aten.hardtanh.default,
        ],
        _pointwise,
    ),
    **dict.fromkeys(
        [
            aten.add_.Tensor,
            aten.mul_.Tensor,
            aten.relu_.default,
            aten.silu_.default,
            aten.hardswish_.default,
            aten.hardtanh_.default,
            aten.hardsigmoid_.default,
        ],
        _pointwise_in_place,
    ),
}
"""The rule of each operation that has one; a rule returns None if torch has to run the operation."""
