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
    usual: Arguments = ((), (0, 0), (1, 1), False)
    input, kernel, stride, padding, dilation, up = *args, *usual[len(args) - 2 :]
    shape = _pooled(2, input, kernel, stride, padding, dilation, up)
    return shape and (empty(shape, input), torch.empty(shape, dtype=torch.int64, device="meta"))


def _average_pooling(axes: int) -> ShapeRule:
    usual: Arguments = ((), (0,) * axes, False, True, None)

    def rule(args: Arguments) -> Result:
        input, kernel, stride, padding, up, _, divisor = *args, *usual[len(args) - 2 :]
        shape = None if divisor == 0 else _pooled(axes, input, kernel, stride, padding, (1,) * axes, up)
        return shape and empty(shape, input)

    return rule


def _pooled(axes: int, input: Tensor, kernel: Any, stride: Any, padding: Any, dilation: Any, up: bool) -> Any:
    """Return the shape after pooling; torch loads its symbolic shapes to say it, in a quarter of a second."""
    stride = stride or kernel
    fits = (
        input.dim() == axes + 2
        and len(kernel) == len(stride) == len(padding) == len(dilation) == axes
        and all(0 <= 2 * pad <= size for pad, size in zip(padding, kernel, strict=True))
        and min(*stride, *dilation) > 0
    )
    if not fits:
        return None
    sizes = []
    for size, window, move, pad, step in zip(input.shape[2:], kernel, stride, padding, dilation, strict=True):
        free = size + 2 * pad - step * (window - 1) - 1
        if free < 0:
            return None
        places = (free + (move - 1) * up) // move + 1
        sizes.append(places - (up and (places - 1) * move >= size + pad))  # the last window begins inside
    return (*input.shape[:2], *sizes)


def _adaptive_pooling(args: Arguments) -> Result:
    input, sizes = args
    fits = input.dim() == 4 and len(sizes) == 2 and min(sizes) > 0 and input.is_floating_point()
    return empty((*input.shape[:2], *sizes), input) if fits and input.numel() else None


def _reduction(args: Arguments) -> Result:
    """Compute the mean or the sum over some axes; torch loads its compiler for it, in more than a second."""
    input, axes = args[0], args[1]
    dim = input.dim()
    if not input.is_floating_point() or not axes or any(not -dim <= axis < dim for axis in axes):
        return None
    gone = {axis % dim for axis in axes}
    if len(gone) < len(axes):
        return None
    keep = len(args) > 2 and args[2]
    return empty(
        [1 if axis in gone else size for axis, size in enumerate(input.shape) if keep or axis not in gone], input
    )


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
    """Compute an element-wise operation on floating-point tensors of one type, whose shapes are broadcast."""
    first = args[0]
    if not isinstance(first, Tensor) or not first.is_floating_point():
        return None
    shape: Any = first.shape
    for other in args[1:]:
        if isinstance(other, Tensor):
            if other.dtype != first.dtype:
                return None
            if other.shape != shape:
                shape = _broadcast(shape, other.shape)
                if shape is None:
                    return None
        elif isinstance(other, complex):
            return None
    return empty(shape, first)


def _broadcast(left: Any, right: Any) -> tuple[int, ...] | None:
    """Return the common shape, or None if there is none.

    >>> _broadcast((8, 1, 3), (5, 1)), _broadcast((2, 3), (2,))
    ((8, 5, 3), None)
    """
    left, right = ((1,) * (max(len(left), len(right)) - len(shape)) + tuple(shape) for shape in (left, right))
    if any(one != other and 1 not in (one, other) for one, other in zip(left, right, strict=True)):
        return None
    return tuple(other if one == 1 else one for one, other in zip(left, right, strict=True))


def _pointwise_in_place(args: Arguments) -> Result:
    result = _pointwise(args)
    return args[0] if result is not None and result.shape == args[0].shape else None


def _softmax(args: Arguments) -> Result:
    input = args[0]
    return empty(input.shape, input) if input.is_floating_point() and -input.dim() <= args[1] < input.dim() else None


def _concatenation(args: Arguments) -> Result:
    """Join tensors of one type along an axis; torch loads its compiler for it, in more than a second."""
    tensors, axis = args[0], args[1] if len(args) > 1 else 0
    first = tensors[0]
    dim = first.dim()
    if not -dim <= axis < dim:
        return None
    axis %= dim
    shapes = [[*tensor.shape] for tensor in tensors]
    length = 0
    for tensor, shape in zip(tensors, shapes, strict=True):
        if tensor.dim() != dim or tensor.dtype != first.dtype or not tensor.is_meta:
            return None
        length += shape[axis]
        shape[axis] = 0
        if shape != shapes[0]:
            return None
    shapes[0][axis] = length
    return empty(shapes[0], first)


def _empty_like(args: Arguments) -> Result:
    return empty(args[0].shape, args[0])


def _index(args: Arguments) -> Result:
    """Take places of one axis, named by a tensor of whole numbers."""
    input, indices = args
    axes = [axis for axis, index in enumerate(indices) if index is not None]
    if len(axes) != 1 or len(indices) > input.dim() or indices[axes[0]].dtype is not torch.int64:
        return None
    axis = axes[0]
    return empty((*input.shape[:axis], *indices[axis].shape, *input.shape[axis + 1 :]), input)


def _index_copy(args: Arguments) -> Result:
    input, axis, index, source = args
    if not -input.dim() <= axis < input.dim() or index.dim() != 1 or source.dtype != input.dtype:
        return None
    written = [*input.shape]
    written[axis] = len(index)
    return empty(input.shape, input) if written == [*source.shape] else None


aten = torch.ops.aten
SHAPE_RULES: dict[Any, ShapeRule] = {
    aten.convolution.default: _convolution,
    aten.max_pool2d_with_indices.default: _max_pooling,
    aten.avg_pool2d.default: _average_pooling(2),
    aten.avg_pool3d.default: _average_pooling(3),
    aten.cat.default: _concatenation,
    aten.empty_like.default: _empty_like,
    aten.index.Tensor: _index,
    aten.index_copy.default: _index_copy,
    aten._adaptive_avg_pool2d.default: _adaptive_pooling,
    aten.mean.dim: _reduction,
    aten.sum.dim_IntList: _reduction,
    aten.native_batch_norm.default: _batch_norm,
    aten.native_layer_norm.default: _layer_norm,
    aten.addmm.default: _addmm,
    aten._safe_softmax.default: _softmax,
    **dict.fromkeys(
        [
            aten.add.Tensor,
            aten.sub.Tensor,
            aten.mul.Tensor,
            aten.div.Tensor,
            aten.add.Scalar,
            aten.sub.Scalar,
            aten.mul.Scalar,
            aten.div.Scalar,
            aten.pow.Tensor_Scalar,
            aten.neg.default,
            aten.exp.default,
            aten.sqrt.default,
            aten.rsqrt.default,
            aten.leaky_relu.default,
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
            aten.div_.Tensor,
            aten.mul_.Scalar,
            aten.div_.Scalar,
            aten.leaky_relu_.default,
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
