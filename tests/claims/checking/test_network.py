"""The network that a table describes, built and printed; torch counts what comes out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from torch import nn

from convstudy.claims import ClaimedTable, parse_table, read_table
from convstudy.claims.checking import construction, module_source, table_input_shape, table_network
from convstudy.errors import ClaimError
from tests.claims.checking.planted import Row, claims, networks, printed
from tests.claims.checking.test_homework import HOMEWORK

PRINTOUTS = Path(__file__).parents[1] / "printouts"


def parameters(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def executed(table: ClaimedTable) -> nn.Module:
    names: dict[str, Any] = {}
    exec(compile(module_source(table), "printed.py", "exec"), names)
    network = names["Net"]()
    assert isinstance(network, nn.Module)
    return network


def output_shape(network: nn.Module, table: ClaimedTable) -> tuple[int, ...]:
    with torch.no_grad():
        return tuple(network.eval()(torch.zeros(2, *table_input_shape(table))).shape[1:])


def same_output(table: ClaimedTable) -> bool:
    """Whether the network and its printed source, with the same weights, give the same logits."""
    network, source = table_network(table).eval(), executed(table).eval()
    source.load_state_dict(network.state_dict())
    images = torch.rand(2, *table_input_shape(table), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        return torch.equal(network(images), source(images))


def test_the_homework_s_network_has_the_right_parameters_not_the_claimed_ones() -> None:
    table = parse_table(HOMEWORK)
    for network in (table_network(table), executed(table)):
        assert parameters(network) == 608 + 3216 + 48_120 + 10_164 + 850
        assert output_shape(network, table) == (10,)
    assert same_output(table)


@settings(deadline=None, max_examples=15, suppress_health_check=[HealthCheck.too_slow])
@given(networks() | networks(grouped=True) | networks(normed=True))
def test_built_and_printed_networks_count_what_torch_counted(rows: list[Row]) -> None:
    table = printed(rows, claims(rows))
    network = table_network(table)
    assert parameters(network) == parameters(executed(table)) == sum(row.parameters for row in rows)
    assert output_shape(network, table) == rows[-1].shape
    assert same_output(table)


@pytest.mark.parametrize("name", ["keras2", "keras3", "torchinfo", "torchinfo_columns", "torchsummary"])
def test_printouts_are_built(name: str) -> None:
    table = read_table(PRINTOUTS / f"{name}.txt")
    assert parameters(table_network(table)) == parameters(executed(table)) == 62_958
    assert table_input_shape(table) == (3, 32, 32)


def test_a_residual_printout_is_built_with_its_branch() -> None:
    table = read_table(PRINTOUTS / "keras3_residual.txt")
    network = table_network(table)
    assert parameters(network) == 2970  # printed as trainable by Keras
    assert output_shape(network, table) == (10,)
    assert same_output(table)
    assert " + " in module_source(table)


def test_a_concatenation_joins_channels() -> None:
    text = "\n".join([
        "Layer (type)              Output Shape            Param #     Connected to",
        "input (InputLayer)        (None, 8, 8, 4)         0           -",
        "a (Conv2D)                (None, 8, 8, 6)         30          input[0][0]",
        "b (Conv2D)                (None, 8, 8, 2)         74          input[0][0]",
        "cat (Concatenate)         (None, 8, 8, 8)         0           a[0][0], b[0][0]",
        "fc (Dense)                (None, 10)              5130        cat[0][0]",
    ])  # fmt: skip
    table = parse_table(text)
    assert parameters(table_network(table)) == 30 + 74 + 5130
    assert same_output(table)
    assert "torch.cat([" in module_source(table)


@pytest.mark.parametrize(
    ("label", "side", "out"),
    [("conv 3x3 s=2 same", 7, 4), ("conv 4x4 same", 8, 8), ("conv 4x4 s=2 same", 7, 4), ("max pool 3x3 s=2 same", 8, 4),
     ("avg pool 2x2 s=1 same", 5, 5), ("max pool 3x3 s=2 ceil", 8, 4), ("conv 3x3 dilation=2", 9, 5),
     ("depthwise conv 3x3", 6, 4), ("separable conv 3x3", 6, 4), ("adaptive pool", 9, 3)],
)  # fmt: skip
def test_windows_of_every_kind_have_the_claimed_side(label: str, side: int, out: int) -> None:
    table = parse_table(f"layer\tshape\nInput\t({side},{side},4)\n{label}\t({out},{out},4)\n")
    assert output_shape(table_network(table), table) == (4, out, out)
    assert same_output(table)


def test_activations_norms_dropout_and_global_pooling_are_built() -> None:
    rows = ["Input\t(8,8,3)", "conv 3x3 same\t(8,8,4)", "BN\t(8,8,4)", "tanh\t(8,8,4)", "LRN\t(8,8,4)",
            "dropout 0.3\t(8,8,4)", "global average pool\t(4,1)", "fc\t(10,1)", "softmax\t(10,1)"]  # fmt: skip
    table = parse_table("layer\tshape\n" + "\n".join(rows))
    network = table_network(table)
    kinds = [type(module).__name__ for module in network.children()]
    assert kinds == [
        "Conv2d",
        "BatchNorm2d",
        "Tanh",
        "LocalResponseNorm",
        "Dropout",
        "AdaptiveAvgPool2d",
        "Flatten",
        "Linear",
    ]
    assert output_shape(network, table) == (10,)
    assert same_output(table)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("Input\t(8,8,3)\nMystery\t(4,4,3)", "row 'Mystery'"),
        ("FC\t(10,1)", "input's shape"),
        ("Input\t(8,8,3)", "no row is a layer; expected rows such as CONV1"),
        ("Input\t(100000,100000,3)\nFC\t(1000,1)", "parameters; at most 10,000,000,000 can be built"),
        ("Input\t(8,8,3)\nconv f=30 p=0\t(4,4,3)", "row 'conv f=30 p=0'"),
    ],
)
def test_what_cannot_be_built_is_said(rows: str, message: str) -> None:
    with pytest.raises(ClaimError, match=message):
        table_network(parse_table("layer\tshape\n" + rows))


def test_the_operations_that_a_row_joins_are_built_too() -> None:
    rows = "Input\t(32,32,1)\t0\nConv 5x5, 6 filters + BN + ReLU + MaxPool 2x2\t(14,14,6)\t168\nFC\t(10,1)\t11770\n"
    source = module_source(parse_table(f"layer\tshape\tparams\n{rows}"))
    names = ["Conv2d(1, 6, kernel_size=5)", "BatchNorm2d(6)", "ReLU()", "MaxPool2d(kernel_size=2)", "Linear(1176, 10)"]
    assert [name for name in names if name not in source] == []


@pytest.mark.parametrize("row", ["ConvTranspose 2x2, stride 2, 8 filters\t(16,16,8)", "LSTM (8 units)\t(8,1)"])
def test_a_layer_that_has_no_module_here_is_refused(row: str) -> None:
    with pytest.raises(ClaimError, match=row.split("\t", maxsplit=1)[0].split(maxsplit=1)[0]):
        table_network(parse_table(f"layer\tshape\nInput\t(8,8,3)\n{row}\n"))


@pytest.mark.parametrize("name", ["my net", "class"])
def test_a_class_needs_a_name(name: str) -> None:
    with pytest.raises(ClaimError, match=f"'{name}' is not the name of a Python class"):
        module_source(parse_table(HOMEWORK), name)


BRANCHED = """
Layer (type)              Output Shape            Param #     Connected to
input (InputLayer)        (None, 8, 8, 4)         0           -
a (Conv2D)                (None, 8, 8, 4)         20          input[0][0]
b (MaxPooling2D 1x1)      (None, 8, 8, 4)         0           a[0][0]
add (Add)                 (None, 8, 8, 4)         0           b[0][0], input[0][0]
cat (Concatenate)         (None, 8, 8, 8)         0           a[0][0], add[0][0]
fc (Dense)                (None, 10)              5130        cat[0][0]
"""
BRANCHED_SOURCE = """\
import torch
from torch import Tensor, nn


class Branched(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a = nn.Conv2d(4, 4, kernel_size=1)
        self.relu = nn.ReLU()
        self.b = nn.MaxPool2d(kernel_size=1)
        self.flatten = nn.Flatten()
        self.fc = nn.Linear(512, 10)

    def forward(self, x: Tensor) -> Tensor:  # 4 x 8 x 8
        input_x = x
        x = self.a(x)  # 4 x 8 x 8
        x = relu_x = self.relu(x)  # 4 x 8 x 8
        x = self.b(x)  # 4 x 8 x 8
        x = x + input_x  # 4 x 8 x 8
        x = torch.cat([relu_x, x], dim=1)  # 8 x 8 x 8
        x = self.flatten(x)  # 512
        x = self.fc(x)  # 10
        return x
"""
CHAIN_SOURCE = """\
from torch import Tensor, nn


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 8, kernel_size=5, bias=False)
        self.relu = nn.ReLU()
        self.pad = nn.ConstantPad2d((0, 1, 0, 1), float("-inf"))
        self.pool1 = nn.MaxPool2d(kernel_size=2, stride=1)
        self.flatten = nn.Flatten()
        self.fc = nn.Linear(4608, 10)

    def forward(self, x: Tensor) -> Tensor:  # 1 x 28 x 28
        x = self.conv1(x)  # 8 x 24 x 24
        x = self.relu(x)  # 8 x 24 x 24
        x = self.pad(x)  # 8 x 24 x 24
        x = self.pool1(x)  # 8 x 24 x 24
        x = self.flatten(x)  # 4608
        x = self.fc(x)  # 10
        return x
"""


def test_a_printed_module_reads_like_the_table() -> None:
    assert module_source(parse_table(BRANCHED), "Branched") == BRANCHED_SOURCE
    assert same_output(parse_table(BRANCHED))
    rows = ["Input\t(28,28,1)", "CONV1 (f=5) no bias\t(24,24,8)", "POOL1 2x2 s=1 same\t(24,24,8)", "FC\t(10,1)"]
    chain = parse_table("\n".join(["layer\tshape", *rows]))
    assert module_source(chain) == CHAIN_SOURCE
    assert same_output(chain)


def test_a_branch_that_was_only_inferred_is_not_built() -> None:
    """c has 5·(8 + 1) = 45 parameters: it is fed with a's eight channels, not with b's four."""
    rows = ["Input\t(8,8,3)\t0", "a (conv 1x1)\t(8,8,8)\t32", "b (conv 1x1)\t(8,8,4)\t36", "c (conv 1x1)\t(8,8,5)\t45"]
    table = replace(parse_table("\n".join(["layer\tshape\tparams", *rows]), "x.txt"), printed_by="torchsummary")
    message = r"x.txt, row 'c \(conv 1x1\)': a branch from a \(conv 1x1\); a network cannot be built from it"
    with pytest.raises(ClaimError, match=message):
        table_network(table)


def test_the_most_parameters_are_built(monkeypatch: pytest.MonkeyPatch) -> None:
    table = parse_table("layer\tshape\nInput\t(4,1)\nFC\t(10,1)\n")  # 10·(4 + 1) = 50
    monkeypatch.setattr(construction, "MOST_PARAMETERS", 50)
    assert parameters(table_network(table)) == 50
    monkeypatch.setattr(construction, "MOST_PARAMETERS", 49)
    with pytest.raises(ClaimError, match="50 parameters; at most 49 can be built"):
        table_network(table)


def test_names_that_python_or_torch_need_are_not_taken() -> None:
    labels = ["class (conv 1x1)", "forward (conv 1x1)", "x (conv 1x1)", "ä (conv 1x1)", "conv", "conv"]
    rows = "\n".join(f"{label}\t(4,4,3)\t12" for label in labels)
    table = parse_table(f"layer\tshape\tparams\nInput\t(4,4,3)\t0\n{rows}\n")
    assert same_output(table)
