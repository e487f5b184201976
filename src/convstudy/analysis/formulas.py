"""Multiply-accumulates of one operation, from its arguments and its result: one pure formula an operation.

Counted are the products of convolutions and matrix multiplications, each with the addition that gathers it; biases are
not. A formula sees what the operation saw, so it holds for functional calls, groups, dilation and every padding.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import prod
from typing import Any

Arguments = tuple[Any, ...]
Formula = Callable[[Arguments, Mapping[str, Any], Any], int]


def convolution_macs(output: tuple[int, ...], weight: tuple[int, ...]) -> int:
    """Every output value gathers the products of one filter: `outputs · (input channels/groups · kernel area)`.

    `output` is batch x channels x space; `weight` is output channels x input channels/groups x kernel.

    >>> convolution_macs((1, 8, 28, 28), (8, 3, 5, 5))
    470400
    """
    return prod(output) * prod(weight[1:])


def transposed_convolution_macs(input: tuple[int, ...], weight: tuple[int, ...]) -> int:
    """Every input value is multiplied by one filter: `inputs · (output channels/groups · kernel area)`.

    `weight` is input channels x output channels/groups x kernel. What falls on the cropped border is counted, too.

    >>> transposed_convolution_macs((1, 16, 8, 8), (16, 4, 2, 2))
    16384
    """
    return prod(input) * prod(weight[1:])


def matrix_product_macs(left: tuple[int, ...], right: tuple[int, ...]) -> int:
    """`(..., m, k)` times `(..., k, n)`: `m·k·n` each.

    >>> matrix_product_macs((2, 3, 4), (2, 4, 5))
    120
    """
    return prod(left) * right[-1]


def attention_macs(query: tuple[int, ...], key: tuple[int, ...], value: tuple[int, ...]) -> int:
    """Queries times keys, and weights times values; a causal mask saves nothing.

    Shapes are `(..., heads, positions, features)`.

    >>> attention_macs((1, 2, 10, 8), (1, 2, 20, 8), (1, 2, 20, 4))
    4800
    """
    rows = prod(query[:-1]) * key[-2]
    return rows * (query[-1] + value[-1])


def recurrent_macs(steps: int, weights: list[tuple[int, ...]]) -> int:
    """Each step multiplies by every matrix once: `steps · batch` is `steps`.

    >>> recurrent_macs(7, [(40, 3), (40, 10)])
    3640
    """
    return steps * sum(prod(weight) for weight in weights if len(weight) == 2)


def _convolution(args: Arguments, kwargs: Mapping[str, Any], result: Any) -> int:
    """`aten.convolution` and `_convolution`: transposed is the seventh argument."""
    if argument(args, kwargs, 6, "transposed"):
        return transposed_convolution_macs(args[0].shape, args[1].shape)
    return convolution_macs(result.shape, args[1].shape)


def _plain_convolution(args: Arguments, kwargs: Mapping[str, Any], result: Any) -> int:
    output = result if hasattr(result, "shape") else result[0]
    return convolution_macs(output.shape, args[1].shape)


def _convolution_over_time(args: Arguments, kwargs: Mapping[str, Any], result: Any) -> int:
    """`conv_tbc`: time x batch x channels, the weight kernel x input x output."""
    return prod(result.shape) * prod(args[1].shape[:2])


def _transposed_plain(args: Arguments, kwargs: Mapping[str, Any], result: Any) -> int:
    return transposed_convolution_macs(args[0].shape, args[1].shape)


def _deformable(args: Arguments, kwargs: Mapping[str, Any], result: Any) -> int:
    """The convolution's products; the bilinear sampling before it is not one (Dai et al. 2017, equation 2)."""
    return convolution_macs(result.shape, args[1].shape)


def _product(first: int, second: int) -> Formula:
    def formula(args: Arguments, kwargs: Mapping[str, Any], result: Any) -> int:
        return matrix_product_macs(args[first].shape, args[second].shape)

    return formula


def _vector(first: int, second: int) -> Formula:
    def formula(args: Arguments, kwargs: Mapping[str, Any], result: Any) -> int:
        return max(prod(args[first].shape), prod(args[second].shape))

    return formula


def _linear(args: Arguments, kwargs: Mapping[str, Any], result: Any) -> int:
    """A weight of output x input features, as `torch.nn.functional.linear` has it."""
    return prod(args[0].shape) * args[1].shape[0]


def _attention(args: Arguments, kwargs: Mapping[str, Any], result: Any) -> int:
    return attention_macs(args[0].shape, args[1].shape, args[2].shape)


def _trilinear(args: Arguments, kwargs: Mapping[str, Any], result: Any) -> int:
    """`nn.Bilinear`: one product is gathered for each pair of features and each output."""
    left, weight, right, expand_left, expand_weight, expand_right = args[:6]
    full = _expanded(left.shape, expand_left), _expanded(weight.shape, expand_weight)
    return prod(max(sizes) for sizes in zip(*full, _expanded(right.shape, expand_right), strict=True))


def _expanded(shape: tuple[int, ...], axes: list[int]) -> list[int]:
    sizes = list(shape)
    for axis in sorted(axes):
        sizes.insert(axis, 1)
    return sizes


def _native_attention(args: Arguments, kwargs: Mapping[str, Any], result: Any) -> int:
    """`_native_multi_head_attention(query, key, value, embed_dim, num_heads, qkv_weight, qkv_bias, proj_weight, ...)`."""
    return _self_attention_macs(args[0].shape, args[1].shape, args[3])


def _self_attention_macs(query: tuple[int, ...], key: tuple[int, ...], embed_dim: int) -> int:
    """Three projections in, the attention of all heads together, one projection out; shapes are batch x positions x features."""
    batch, queries, _ = query
    keys = key[1]
    projections = batch * embed_dim * embed_dim * (2 * queries + 2 * keys)
    return projections + 2 * batch * queries * keys * embed_dim


def _encoder_layer(args: Arguments, kwargs: Mapping[str, Any], result: Any) -> int:
    """`_transformer_encoder_layer_fwd`: self-attention and the two dense layers, in one operation."""
    batch, positions, _ = args[0].shape
    hidden, features = args[14].shape
    return _self_attention_macs(args[0].shape, args[0].shape, args[1]) + 2 * batch * positions * hidden * features


def _mkldnn_rnn(args: Arguments, kwargs: Mapping[str, Any], result: Any) -> int:
    """`mkldnn_rnn_layer(input, w_ih, w_hh, b_ih, b_hh, ...)`: input is time x batch x features."""
    return recurrent_macs(prod(args[0].shape[:2]), [args[1].shape, args[2].shape])


def _cudnn_rnn(args: Arguments, kwargs: Mapping[str, Any], result: Any) -> int:
    """`_cudnn_rnn(input, weight, weight_stride0, ...)`: all matrices of all layers and directions in one list."""
    return recurrent_macs(prod(args[0].shape[:2]), [weight.shape for weight in args[1]])


def argument(args: Arguments, kwargs: Mapping[str, Any], position: int, name: str) -> Any:
    """An operation's argument, however it was passed."""
    return args[position] if len(args) > position else kwargs.get(name)


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
        _transposed_plain,
    ),
    "torchvision::deform_conv2d": _deformable,
    **dict.fromkeys(["aten::mm", "aten::bmm", "aten::matmul", "aten::_int_mm", "aten::_scaled_mm"], _product(0, 1)),
    **dict.fromkeys(["aten::addmm", "aten::_addmm_activation", "aten::baddbmm", "aten::addbmm"], _product(1, 2)),
    **dict.fromkeys(["aten::mv", "aten::dot", "aten::vdot"], _vector(0, 1)),
    "aten::addmv": _vector(1, 2),
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
    "aten::_trilinear": _trilinear,
    "aten::_native_multi_head_attention": _native_attention,
    "aten::_transformer_encoder_layer_fwd": _encoder_layer,
    "aten::mkldnn_rnn_layer": _mkldnn_rnn,
    "aten::_cudnn_rnn": _cudnn_rnn,
}
"""The formula of each operation that multiplies and accumulates, by the operation's name."""
