"""Multiply-accumulates of one operation, from its arguments and its result: one pure formula per operation.

A multiply-accumulate is a product of a convolution or matrix multiplication with its addition; biases are not counted.
A formula reads the arguments of the operation, so it holds for functional calls, groups, dilation and every padding.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod

import torch
from torch import Tensor

from convstudy.analysis.application import Application, Shape

Formula = Callable[[Application], int]


def convolution_macs(output: Shape, weight: Shape) -> int:
    """Return the MACs of a convolution: `outputs · (input channels/groups · kernel area)`.

    `output` is batch x channels x space; `weight` is output channels x input channels/groups x kernel.

    >>> convolution_macs((1, 8, 28, 28), (8, 3, 5, 5))
    470400
    """
    return prod(output) * prod(weight[1:])


def transposed_convolution_macs(input: Shape, weight: Shape) -> int:
    """Return the MACs of a transposed convolution: `inputs · (output channels/groups · kernel area)`.

    `weight` is input channels x output channels/groups x kernel. Products on the cropped border are counted too.

    >>> transposed_convolution_macs((1, 16, 8, 8), (16, 4, 2, 2))
    16384
    """
    return prod(input) * prod(weight[1:])


def matrix_product_macs(left: Shape, right: Shape) -> int:
    """Return the MACs of `(..., m, k)` times `(..., k, n)`: `m·k·n` per product.

    >>> matrix_product_macs((2, 3, 4), (2, 4, 5))
    120
    """
    return prod(left) * right[-1]


def attention_macs(query: Shape, key: Shape, value: Shape) -> int:
    """Return the MACs of queries times keys and of attention weights times values; a causal mask saves none.

    Shapes are `(..., heads, positions, features)`.

    >>> attention_macs((1, 2, 10, 8), (1, 2, 20, 8), (1, 2, 20, 4))
    4800
    """
    rows = prod(query[:-1]) * key[-2]
    return rows * (query[-1] + value[-1])


def multi_head_attention_macs(query: Shape, key: Shape, embed_dim: int) -> int:
    """Return the MACs of three input projections, the attention of all heads, and one output projection.

    Shapes are batch x positions x features.

    >>> multi_head_attention_macs((1, 10, 8), (1, 20, 8), 8)  # 8·8·(2·10 + 2·20) + 2·10·20·8
    7040
    """
    batch, queries, _ = query
    projections = embed_dim * embed_dim * (2 * queries + 2 * key[1])
    return batch * (projections + 2 * queries * key[1] * embed_dim)


def recurrent_macs(steps: int, weights: list[Shape]) -> int:
    """Return the MACs of a recurrent layer, which multiplies by every matrix once per step; `steps` is steps · batch.

    >>> recurrent_macs(7, [(40, 3), (40, 10)])
    3640
    """
    return steps * sum(prod(weight) for weight in weights if len(weight) == 2)


def _convolution(done: Application) -> int:
    """Return the MACs of `aten.convolution` or `_convolution`, whose seventh argument says whether it is transposed."""
    if done.args[6]:
        return transposed_convolution_macs(done.shape(0), done.shape(1))
    return convolution_macs(tuple(done.output.shape), done.shape(1))


def _plain_convolution(done: Application) -> int:
    return convolution_macs(tuple(done.output.shape), done.shape(1))


def _transposed_convolution(done: Application) -> int:
    return transposed_convolution_macs(done.shape(0), done.shape(1))


def _convolution_over_time(done: Application) -> int:
    """Return the MACs of `conv_tbc`: time x batch x channels, with a weight of kernel x input x output."""
    return done.output.numel() * prod(done.shape(1)[:2])


def _deformable_convolution(done: Application) -> int:
    """Return the MACs of the convolution; the bilinear sampling in front has none (Dai et al. 2017, equation 2)."""
    return convolution_macs(tuple(done.output.shape), done.shape(1))


def _product(done: Application) -> int:
    return _matrix_product(done.args[0], done.args[1])


def _product_added(done: Application) -> int:
    """Return the MACs of `addmm(bias, left, right)` and similar operations."""
    return _matrix_product(done.args[1], done.args[2])


def _matrix_product(left: Tensor, right: Tensor) -> int:
    """Return the MACs of two matrices; a sparse one multiplies only with the values that it stores."""
    if left.layout is not torch.strided:
        return int(left._nnz()) * right.shape[-1]
    if right.layout is not torch.strided:
        return int(right._nnz()) * prod(left.shape[:-1])
    return matrix_product_macs(tuple(left.shape), tuple(right.shape))


def grouped_product_macs(left: Shape, right: Shape) -> int:
    """Return the MACs of `_grouped_mm`, which multiplies groups of rows, columns or both, each by a matrix of its own.

    >>> grouped_product_macs((10, 4), (3, 4, 5)), grouped_product_macs((3, 2, 4), (4, 10))
    (200, 80)
    """
    return prod(left[1:] if len(left) > len(right) else left) * right[-1]


def _grouped_product(done: Application) -> int:
    return grouped_product_macs(done.shape(0), done.shape(1))


def _packed_product(done: Application) -> int:
    """Return the MACs of a matrix times a packed int8 or int4 matrix, whose own shape does not tell its features."""
    return prod(done.output.shape) * done.shape(0)[-1]


def _affine_grid(done: Application) -> int:
    """Return the MACs of `affine_grid`: each point of the grid, with a 1 appended, times the matrix."""
    return prod(done.output.shape) * done.shape(0)[-1]


def _quantized_weight(done: Application) -> Shape:
    """Return the shape of the weight that is packed in the second argument."""
    return tuple(done.args[1].unpack()[0].shape)


def _quantized_linear(done: Application) -> int:
    return prod(done.shape(0)) * _quantized_weight(done)[0]


def _quantized_convolution(done: Application) -> int:
    return convolution_macs(tuple(done.output.shape), _quantized_weight(done))


def _quantized_transposed_convolution(done: Application) -> int:
    return transposed_convolution_macs(done.shape(0), _quantized_weight(done))


def _vector_product(done: Application) -> int:
    """Return the MACs of a matrix or vector times a vector: one product per value of the left operand."""
    return prod(done.shape(0))


def _vector_product_added(done: Application) -> int:
    """Return the MACs of `addmv(bias, matrix, vector)`."""
    return prod(done.shape(1))


def _linear(done: Application) -> int:
    """Return the MACs of a weight of output x input features, as in `torch.nn.functional.linear`."""
    return prod(done.shape(0)) * done.shape(1)[0]


def _attention(done: Application) -> int:
    return attention_macs(done.shape(0), done.shape(1), done.shape(2))


def _trilinear(done: Application) -> int:
    """Return the MACs of `nn.Bilinear`: one product per pair of features and output."""
    expanded = [_expanded(done.shape(number), done.args[number + 3]) for number in range(3)]
    return prod(max(sizes) for sizes in zip(*expanded, strict=True))


def _expanded(shape: Shape, axes: list[int]) -> list[int]:
    sizes = list(shape)
    for axis in sorted(axes):
        sizes.insert(axis, 1)
    return sizes


def _native_attention(done: Application) -> int:
    """Return the MACs of `_native_multi_head_attention(query, key, value, embed_dim, ...)`."""
    return multi_head_attention_macs(done.shape(0), done.shape(1), done.args[3])


def _encoder_layer(done: Application) -> int:
    """Return the MACs of `_transformer_encoder_layer_fwd(src, embed_dim, ...)`: self-attention and two dense layers."""
    source = done.shape(0)
    hidden, features = done.shape(14)
    return multi_head_attention_macs(source, source, done.args[1]) + 2 * prod(source[:2]) * hidden * features


def _mkldnn_rnn(done: Application) -> int:
    """Return the MACs of `mkldnn_rnn_layer(input, w_ih, w_hh, ...)`; its input is time x batch x features."""
    return recurrent_macs(prod(done.shape(0)[:2]), [done.shape(1), done.shape(2)])


def _cudnn_rnn(done: Application) -> int:
    """Return the MACs of `_cudnn_rnn(input, weight, ...)`, whose weights of all layers and directions are one list."""
    return recurrent_macs(prod(done.shape(0)[:2]), [tuple(weight.shape) for weight in done.args[1]])


FORMULAS: dict[str, Formula] = {
    "aten::convolution": _convolution,
    "aten::_convolution": _convolution,
    "aten::convolution_overrideable": _convolution,
    "aten::conv_tbc": _convolution_over_time,
    **dict.fromkeys(
        [
            "aten::mkldnn_convolution",
            "aten::cudnn_convolution",
            "aten::cudnn_convolution_relu",
            "aten::cudnn_convolution_add_relu",
            "aten::miopen_convolution",
            "aten::_slow_conv2d_forward",
            "aten::slow_conv3d_forward",
            "aten::_conv_depthwise2d",
            "aten::conv_depthwise3d",
            "aten::slow_conv_dilated2d",
            "aten::slow_conv_dilated3d",
            "aten::thnn_conv2d",
            "aten::conv1d",
            "aten::conv2d",
            "aten::conv3d",
        ],
        _plain_convolution,
    ),
    **dict.fromkeys(
        [
            "aten::cudnn_convolution_transpose",
            "aten::miopen_convolution_transpose",
            "aten::slow_conv_transpose2d",
            "aten::slow_conv_transpose3d",
            "aten::conv_transpose1d",
            "aten::conv_transpose2d",
            "aten::conv_transpose3d",
        ],
        _transposed_convolution,
    ),
    "torchvision::deform_conv2d": _deformable_convolution,
    **dict.fromkeys(
        ["aten::mm", "aten::bmm", "aten::matmul", "aten::_int_mm", "aten::_scaled_mm", "aten::_sparse_mm"], _product
    ),
    **dict.fromkeys(
        ["aten::addmm", "aten::_addmm_activation", "aten::baddbmm", "aten::addbmm", "aten::_sparse_addmm"],
        _product_added,
    ),
    **dict.fromkeys(["aten::mv", "aten::dot", "aten::vdot"], _vector_product),
    "aten::addmv": _vector_product_added,
    **dict.fromkeys(["aten::linear", "aten::mkldnn_linear", "aten::_sparse_semi_structured_linear"], _linear),
    **dict.fromkeys(
        [
            "aten::scaled_dot_product_attention",
            "aten::_scaled_dot_product_attention_math",
            "aten::_scaled_dot_product_attention_math_for_mps",
            "aten::_scaled_dot_product_flash_attention",
            "aten::_scaled_dot_product_flash_attention_for_cpu",
            "aten::_scaled_dot_product_efficient_attention",
            "aten::_scaled_dot_product_cudnn_attention",
            "aten::_scaled_dot_product_fused_attention_overrideable",
        ],
        _attention,
    ),
    "higher_order::flex_attention": _attention,
    **dict.fromkeys(["aten::_grouped_mm", "aten::_scaled_grouped_mm"], _grouped_product),
    **dict.fromkeys(["aten::_weight_int8pack_mm", "aten::_weight_int4pack_mm"], _packed_product),
    **dict.fromkeys(["aten::affine_grid_generator", "aten::cudnn_affine_grid_generator"], _affine_grid),
    **dict.fromkeys(
        [f"quantized::linear{kind}" for kind in ("", "_relu", "_dynamic", "_relu_dynamic", "_leaky_relu", "_tanh")],
        _quantized_linear,
    ),
    **dict.fromkeys(
        [
            f"quantized::conv{axes}d{kind}"
            for axes in (1, 2, 3)
            for kind in ("", "_relu", "_dynamic", *(("_add", "_add_relu") if axes == 2 else ()))
        ],
        _quantized_convolution,
    ),
    **dict.fromkeys(
        [f"quantized::conv_transpose{axes}d{kind}" for axes in (1, 2, 3) for kind in ("", "_dynamic")],
        _quantized_transposed_convolution,
    ),
    "aten::_trilinear": _trilinear,
    "aten::_native_multi_head_attention": _native_attention,
    "aten::_transformer_encoder_layer_fwd": _encoder_layer,
    "aten::mkldnn_rnn_layer": _mkldnn_rnn,
    "aten::_cudnn_rnn": _cudnn_rnn,
}
"""The MAC formula of each operation that has one, by the operation's name."""
