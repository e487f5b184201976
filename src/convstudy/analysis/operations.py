"""Classification of torch's operations: products, other arithmetic, and operations that only move values.

`other operations` are the arithmetic beside the multiply-accumulates, counted as follows:

- element-wise operations (activation functions, additions, masks, dropout) and biases: one per result
- max pooling: window − 1 comparisons per result; average pooling: window − 1 additions and one division per result
- sums and means over axes: one per input value
- softmax: five per value (maximum, subtraction, exponential, sum, division)
- normalization: two per value with stored statistics (scale, shift); five more with the statistics of the data
  (mean, variance, normalization)
- interpolation: 3, 7 or 15 per result (linear, bilinear, trilinear), 31 (bicubic); nearest: none; `roi_align`: 8 per
  sampled point (bilinear, and the mean), with one point per result if their number depends on the region
- `nms` and `roi_pool`: one per input value, as for other reductions
- views, copies, concatenation, padding, look-up, random numbers, and operations on weights alone: none
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from math import prod
from typing import Literal

import torch
from torch import Tensor
from torch._ops import OpOverload

from convstudy.analysis.application import Application
from convstudy.analysis.formulas import FORMULAS, Formula

Role = Literal[
    "product",
    "elementwise",
    "window",
    "reduction",
    "softmax",
    "norm",
    "interpolation",
    "joining",
    "moving",
    "view",
    "unknown",
]


@dataclass(frozen=True)
class Operation:
    """An operation of torch: its name without namespace and underscore, its role, and its MAC formula, if any."""

    name: str
    qualified_name: str
    role: Role
    in_place: bool
    formula: Formula | None

    @property
    def kind(self) -> str:
        """Return the layer name under which a reader knows the operation."""
        return KINDS.get(self.name) or "".join(word.capitalize() for word in self.name.split("_"))


@cache
def operation(overload: OpOverload) -> Operation:
    """Classify an operation.

    >>> operation(torch.ops.aten.relu_.default)
    Operation(name='relu', qualified_name='aten::relu_', role='elementwise', in_place=True, formula=None)
    """
    qualified = overload._schema.name
    namespace, name = qualified.split("::")
    in_place = name.endswith("_") and not name.endswith("__")
    name = name.removesuffix("_") if in_place else name
    formula = FORMULAS.get(f"{namespace}::{name}")
    role: Role = "product" if formula else _role(overload, namespace, name)
    return Operation(name, qualified, role, in_place, formula)


def higher_order_operation(name: str) -> Operation:
    """Classify an operation on functions, such as `flex_attention`.

    >>> higher_order_operation("flex_attention").role, higher_order_operation("scan").role
    ('product', 'unknown')
    """
    formula = FORMULAS.get(f"higher_order::{name}")
    return Operation(name, f"higher_order::{name}", "product" if formula else "unknown", False, formula)


def _role(overload: OpOverload, namespace: str, name: str) -> Role:
    known = ROLES.get(name) if namespace in {"aten", "prims", "torchvision"} else None
    if known:
        return known
    if overload.is_view or torch.Tag.inplace_view in overload.tags:
        return "view"
    if torch.Tag.pointwise in overload.tags:
        return "elementwise"
    if torch.Tag.reduction in overload.tags:
        return "reduction"
    return "unknown"


def other_operations(operation: Operation, done: Application) -> int:
    """Return the additions, comparisons and other arithmetic of an operation, as defined at the top of this file."""
    rule = OTHER_OPERATIONS.get(operation.role)
    return rule(operation.name, done) if rule else 0


def _one_per_result(_: str, done: Application) -> int:
    return done.output.numel()


def _one_per_value(_: str, done: Application) -> int:
    return done.tensors[0].numel() if done.tensors else 0


def _bias(name: str, done: Application) -> int:
    adds = name.startswith("add") or name == "baddbmm"
    if "conv" in name:
        adds = isinstance(done.argument(2, "bias"), Tensor)
    return done.output.numel() if adds else 0


def _window(name: str, done: Application) -> int:
    if "adaptive" in name or "fractional" in name:
        return done.tensors[0].numel()
    axes = done.output.dim() - 2
    kernel = done.args[1] if isinstance(done.args[1], (list, tuple)) else [done.args[1]]
    area = prod(kernel) if len(kernel) == axes else kernel[0] ** axes
    return done.output.numel() * (area - 1 if "max" in name else area)


def _norm(name: str, done: Application) -> int:
    values = done.tensors[0].numel()
    if "batch_norm" in name:
        own = name not in {"_native_batch_norm_legit_no_training", "_batch_norm_no_update"} and done.argument(
            5, "training"
        )
        return 7 * values if own else 2 * values
    weight = done.argument(2 if name == "native_layer_norm" else 1, "weight")
    return 7 * values if isinstance(weight, Tensor) else 5 * values


def _softmax(_: str, done: Application) -> int:
    return 5 * done.output.numel()


def _interpolation(name: str, done: Application) -> int:
    if "roi_align" in name:
        ratio = done.argument(5, "sampling_ratio") or 0
        return 8 * max(ratio, 1) ** 2 * done.output.numel()
    return INTERPOLATION.get(name, 0) * done.output.numel()


OTHER_OPERATIONS: dict[Role, Callable[[str, Application], int]] = {
    "product": _bias,
    "elementwise": _one_per_result,
    "window": _window,
    "reduction": _one_per_value,
    "norm": _norm,
    "softmax": _softmax,
    "interpolation": _interpolation,
}
INTERPOLATION = {
    "upsample_linear1d": 3,
    "upsample_bilinear2d": 7,
    "_upsample_bilinear2d_aa": 7,
    "upsample_trilinear3d": 15,
    "upsample_bicubic2d": 31,
    "_upsample_bicubic2d_aa": 31,
    "grid_sampler_2d": 7,
    "grid_sampler_3d": 15,
}
ROLES: dict[str, Role] = {}
for _role_name, _names in {
    "elementwise": """
        _prelu_kernel prelu glu log_sigmoid_forward rrelu_with_noise native_dropout dropout hardswish
        threshold masked_fill _masked_scale bernoulli _thnn_fused_gru_cell _thnn_fused_lstm_cell copysign
        mse_loss smooth_l1_loss floor_divide _add_relu diff heaviside cumsum cumprod addr isin
        _weight_norm_interface _weight_norm
    """,
    "window": """
        avg_pool1d avg_pool2d avg_pool3d max_pool2d_with_indices max_pool3d_with_indices max_pool1d
        max_pool2d max_pool3d mkldnn_max_pool2d mkldnn_max_pool3d mkldnn_adaptive_avg_pool2d
        _adaptive_avg_pool2d _adaptive_avg_pool3d adaptive_max_pool2d adaptive_max_pool3d
        fractional_max_pool2d fractional_max_pool3d
    """,
    "reduction": """
        sum mean amax amin aminmax argmax argmin max min prod norm var std var_mean std_mean logsumexp all
        _is_all_true _is_any_true any native_norm linalg_vector_norm nansum median mode nll_loss_forward
        nll_loss2d_forward count_nonzero trace topk sort kthvalue cummax cummin nms roi_pool ps_roi_pool histc
    """,
    "softmax": "_softmax _log_softmax _safe_softmax _masked_softmax",
    "norm": """
        native_batch_norm _native_batch_norm_legit _native_batch_norm_legit_no_training
        _native_batch_norm_legit_functional _batch_norm_with_update _batch_norm_no_update cudnn_batch_norm
        native_layer_norm native_group_norm _fused_rms_norm rms_norm
    """,
    "interpolation": """
        upsample_nearest1d upsample_nearest2d upsample_nearest3d _upsample_nearest_exact1d
        _upsample_nearest_exact2d _upsample_nearest_exact3d upsample_linear1d upsample_bilinear2d
        upsample_trilinear3d upsample_bicubic2d _upsample_bilinear2d_aa _upsample_bicubic2d_aa
        grid_sampler_2d grid_sampler_3d roi_align ps_roi_align
    """,
    "joining": """
        cat stack _stack constant_pad_nd reflection_pad1d reflection_pad2d reflection_pad3d
        replication_pad1d replication_pad2d replication_pad3d pixel_shuffle pixel_unshuffle channel_shuffle
        embedding embedding_bag _embedding_bag _embedding_bag_forward_only max_unpool2d max_unpool3d im2col
        col2im
    """,
    "moving": """
        clone copy _to_copy contiguous empty empty_like empty_strided empty_permuted new_empty
        new_empty_strided new_zeros new_ones new_full zeros zeros_like ones ones_like full full_like fill
        zero arange linspace logspace eye scalar_tensor rand rand_like randn randn_like randint randint_like
        randperm uniform normal random exponential multinomial normal_functional lift lift_fresh
        lift_fresh_copy _local_scalar_dense item detach detach_copy index index_put _index_put_impl
        _unsafe_index _unsafe_index_put index_select index_add index_copy index_fill gather scatter
        scatter_add scatter_reduce take masked_select masked_scatter nonzero nonzero_static where
        select_scatter slice_scatter diagonal_scatter as_strided_scatter flip roll rot90 repeat
        repeat_interleave unsafe_split unsafe_split_with_sizes split_copy tril triu tril_indices
        triu_indices one_hot diag_embed meshgrid resize set _resize_output _reshape_copy _unsafe_view
        as_strided tensor_split bucketize searchsorted _pack_padded_sequence _assert_async
        _assert_tensor_metadata _functional_assert_async _assert_scalar sym_size sym_numel sym_stride
        sym_storage_offset is_same_size equal view_copy unique _unique2 unique_consecutive unique_dim
        bincount complex block_diag
    """,
}.items():
    ROLES.update(dict.fromkeys(_names.split(), _role_name))  # type: ignore[arg-type]
ROLES["_unsafe_view"] = "view"

KINDS = {
    "convolution": "Convolution",
    "addmm": "Linear",
    "mm": "MatMul",
    "bmm": "MatMul",
    "baddbmm": "MatMul",
    "relu": "ReLU",
    "gelu": "GELU",
    "silu": "SiLU",
    "_softmax": "Softmax",
    "_safe_softmax": "Softmax",
    "_log_softmax": "LogSoftmax",
    "avg_pool1d": "AvgPool1d",
    "avg_pool2d": "AvgPool2d",
    "avg_pool3d": "AvgPool3d",
    "max_pool2d_with_indices": "MaxPool2d",
    "max_pool3d_with_indices": "MaxPool3d",
    "_adaptive_avg_pool2d": "AdaptiveAvgPool2d",
    "_adaptive_avg_pool3d": "AdaptiveAvgPool3d",
    "native_batch_norm": "BatchNorm",
    "_native_batch_norm_legit": "BatchNorm",
    "native_layer_norm": "LayerNorm",
    "native_group_norm": "GroupNorm",
    "native_dropout": "Dropout",
    "constant_pad_nd": "Pad",
    "leaky_relu": "LeakyReLU",
    "upsample_nearest2d": "Upsample",
    "upsample_bilinear2d": "Upsample",
}
