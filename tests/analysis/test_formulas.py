"""The formula of each operation against hand-worked numbers, and against what real runs on the CPU do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch._ops import OpOverload
from torch.utils._python_dispatch import TorchDispatchMode

from convstudy.analysis import count
from convstudy.analysis.application import Application
from convstudy.analysis.formulas import FORMULAS, attention_macs
from convstudy.analysis.operations import operation


class RealRun(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Adds up the formulas of a real run, whatever fused operations it takes; remembers their names."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.macs: dict[str, int] = {}

    def __torch_dispatch__(
        self, overload: OpOverload, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        result = overload(*args, **(kwargs or {}))
        what = operation(overload)
        if what.formula:
            output = result if isinstance(result, Tensor) else result[0]
            macs = what.formula(Application(args, kwargs or {}, output))
            self.macs[what.name] = self.macs.get(what.name, 0) + macs
        return result


def really(network: nn.Module, x: Tensor) -> dict[str, int]:
    with torch.no_grad(), RealRun() as run:
        network.eval()(x)
    macs: dict[str, int] = run.macs
    return macs


def test_the_fused_encoder_layer() -> None:
    network = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True)
    macs = really(network, torch.rand(3, 10, 16))
    assert macs == {"_transformer_encoder_layer_fwd": 3 * count(network, (10, 16)).totals.macs}


def test_the_fused_multi_head_attention() -> None:
    class Attention(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.attention = nn.MultiheadAttention(16, 4, batch_first=True)

        def forward(self, x: Tensor) -> Tensor:
            output: Tensor = self.attention(x, x, x, need_weights=False)[0]
            return output

    macs = really(Attention(), torch.rand(3, 10, 16))
    assert macs == {"_native_multi_head_attention": 3 * count(Attention(), (10, 16)).totals.macs}


def test_the_fused_attention_of_the_cpu() -> None:
    class Attention(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return F.scaled_dot_product_attention(x, x, x, is_causal=True)

    macs = really(Attention(), torch.rand(2, 3, 10, 8))
    assert macs == {"_scaled_dot_product_flash_attention_for_cpu": 2 * 2 * 3 * 10 * 10 * 8}
    assert 2 * count(Attention(), (3, 10, 8)).totals.macs == sum(macs.values())


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("both_ways", [True, False])
def test_the_lstm_of_the_cpu(layers: int, both_ways: bool) -> None:
    network = nn.LSTM(5, 7, layers, batch_first=True, bidirectional=both_ways)
    macs = really(network, torch.rand(3, 11, 5))
    assert set(macs) <= {"mkldnn_rnn_layer", "addmm", "mm", "linear", "mkldnn_linear"}
    assert sum(macs.values()) == 3 * count(network, (11, 5)).totals.macs


SHAPES: dict[str, tuple[list[Any], tuple[int, ...], int]] = {
    "aten::conv_tbc": ([(9, 2, 3), (5, 3, 4)], (5, 2, 4), 5 * 2 * 4 * 5 * 3),
    "aten::cudnn_convolution": ([(2, 3, 8, 8), (4, 3, 3, 3)], (2, 4, 6, 6), 2 * 4 * 36 * 27),
    "aten::cudnn_convolution_transpose": ([(2, 4, 6, 6), (4, 3, 3, 3)], (2, 3, 8, 8), 2 * 4 * 36 * 27),
    "aten::_scaled_dot_product_efficient_attention": (
        [(2, 3, 10, 8), (2, 3, 20, 8), (2, 3, 20, 4)],
        (2, 3, 10, 4),
        2 * 3 * 10 * 20 * (8 + 4),
    ),
    "aten::_cudnn_rnn": ([(11, 3, 5), [(28, 5), (28, 7), (28,), (28,)]], (11, 3, 7), 11 * 3 * 28 * (5 + 7)),
    "aten::mv": ([(4, 5), (5,)], (4,), 20),
    "aten::dot": ([(5,), (5,)], (), 5),
    "aten::addmv": ([(4,), (4, 5), (5,)], (4,), 20),
    "aten::addbmm": ([(3, 5), (2, 3, 4), (2, 4, 5)], (3, 5), 2 * 3 * 4 * 5),
    "aten::linear": ([(2, 3, 4), (5, 4)], (2, 3, 5), 2 * 3 * 4 * 5),
    "aten::_trilinear": (
        [(6, 3), (5, 3, 4), (6, 4), [1, 3], [0], [1, 2], [2, 3]],
        (6, 5),
        6 * 5 * 3 * 4,
    ),
}


def tensor(shape: Any) -> Any:
    """A meta tensor for a shape, a list of them for a list of shapes; other lists are arguments as they are."""
    if isinstance(shape, list):
        return [tensor(each) if isinstance(each, tuple) else each for each in shape]
    return torch.empty(shape, device="meta")


@pytest.mark.parametrize("name", SHAPES)
def test_operations_of_other_devices(name: str) -> None:
    """Operations that only other devices do, or that are seldom met: their formula on shapes alone."""
    shapes, output, expected = SHAPES[name]
    assert FORMULAS[name](Application(tuple(map(tensor, shapes)), {}, tensor(output))) == expected


def test_every_formula_is_of_an_operation_that_there_is() -> None:
    import torchvision.ops  # noqa: F401, PLC0415

    missing = [name for name in FORMULAS if not torch._C._jit_get_schemas_for_operator(name)]
    assert set(missing) <= {"aten::thnn_conv2d", "higher_order::flex_attention"}


@pytest.mark.parametrize(
    ("overload", "role"),
    [
        (torch.ops.aten.relu_.default, "elementwise"),
        (torch.ops.aten.view.default, "view"),
        (torch.ops.aten.convolution.default, "product"),
        (torch.ops.aten.max_pool2d_with_indices.default, "window"),
        (torch.ops.aten.native_layer_norm.default, "norm"),
        (torch.ops.aten.cat.default, "joining"),
        (torch.ops.aten.clone.default, "moving"),
        (torch.ops.aten.mean.dim, "reduction"),
        (torch.ops.aten.linalg_inv_ex.default, "unknown"),
        (torch.ops.aten._fft_r2c.default, "unknown"),
    ],
)
def test_roles(overload: OpOverload, role: str) -> None:
    assert operation(overload).role == role


def test_attention_without_heads() -> None:
    assert attention_macs((10, 8), (20, 8), (20, 4)) == 10 * 20 * (8 + 4)


@pytest.mark.parametrize("transposed", [True, False])
def test_a_convolution_called_with_names(transposed: bool) -> None:
    class Named(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            options = {"stride": [1, 1], "padding": [0, 0], "dilation": [1, 1], "output_padding": [0, 0], "groups": 1}
            weight = torch.ones(3, 3, 2, 2)
            convolved: Tensor = torch.ops.aten.convolution(x, weight, None, transposed=transposed, **options)
            return convolved

    assert count(Named(), (3, 5, 5)).totals.macs == 3 * 3 * 2 * 2 * (5 * 5 if transposed else 4 * 4)
