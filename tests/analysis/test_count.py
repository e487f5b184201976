"""Counts of whole networks against the figures of papers and of torchvision."""

from __future__ import annotations

import pytest
import torch
import torchvision
from torch import Tensor, nn

from convstudy.analysis import count
from convstudy.errors import ShapeError
from tests.analysis.networks import Net

IMAGE = (3, 224, 224)


@pytest.mark.parametrize(
    ("name", "parameters", "macs"),
    [
        ("resnet18", 11_689_512, 1_814_073_344),
        ("resnet34", 21_797_672, 3_663_761_408),
        ("resnet50", 25_557_032, 4_089_184_256),
        ("vgg16", 138_357_544, 15_470_264_320),
    ],
)
def test_published_figures(name: str, parameters: int, macs: int) -> None:
    with torch.device("meta"):
        network = torchvision.models.get_model(name)
    totals = count(network, IMAGE).totals
    assert (totals.parameters, totals.macs) == (parameters, macs)


@pytest.mark.parametrize(("channels", "parameters"), [(3, 62_006), (1, 61_706)])
def test_the_tutorials_network(channels: int, parameters: int) -> None:
    assert count(Net(channels), (channels, 32, 32)).totals.parameters == parameters


def test_the_lectures_table() -> None:
    """The first table of the lecture, with the five corrected cells."""
    network = nn.Sequential(
        *(nn.Conv2d(3, 8, 5), nn.MaxPool2d(2), nn.Conv2d(8, 16, 5), nn.MaxPool2d(2), nn.Flatten()),
        *(nn.Linear(400, 120), nn.Linear(120, 84), nn.Linear(84, 10)),
    )
    rows = [row for row in count(network, (3, 32, 32)) if row.kind != "Flatten"]
    assert [row.activation_size for row in rows] == [3072, 6272, 1568, 1600, 400, 120, 84, 10]
    assert [row.parameters for row in rows] == [0, 608, 0, 3216, 0, 48_120, 10_164, 850]
    assert sum(row.parameters for row in rows) == 62_958


def test_rows_read_like_the_network() -> None:
    table = count(Net(), (3, 32, 32))
    assert [row.path for row in table] == [
        *("input", "conv1", "relu", "pool", "conv2", "relu_1", "pool", "fc1", "relu_2", "fc2", "relu_3", "fc3"),
    ]
    assert [row.output_shape for row in table if row.path == "pool"] == [(6, 14, 14), (16, 5, 5)]
    assert table["conv2"].macs == 16 * 10 * 10 * 6 * 5 * 5
    assert table.output_shapes == ((10,),)


def test_a_functional_layer_has_a_row() -> None:
    class Functional(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.filters = nn.Parameter(torch.zeros(4, 3, 3, 3))

        def forward(self, x: Tensor) -> Tensor:
            return nn.functional.max_pool2d(nn.functional.conv2d(x, self.filters, padding="same"), 2)

    rows = count(Functional(), (3, 8, 8)).rows
    assert [(row.path, row.kind, row.parameters, row.macs) for row in rows] == [
        ("input", "Input", 0, 0),
        ("convolution", "Convolution", 108, 4 * 8 * 8 * 27),
        ("max_pool2d", "MaxPool2d", 0, 0),
    ]


def test_every_total_is_the_sum_of_its_column() -> None:
    table = count(torchvision.models.googlenet(init_weights=False), IMAGE)
    for name in ("parameters", "macs", "activation_size", "other_operations", "backward_macs", "activation_bytes"):
        assert getattr(table.totals, name) == sum(getattr(row, name) for row in table)
        assert getattr(table.totals, name) > 0


def test_shared_weights_count_once_and_say_so() -> None:
    left, right = nn.Linear(8, 8), nn.Linear(8, 8)
    right.weight = left.weight
    network = nn.Sequential(left, right, left)
    table = count(network, (8,))
    assert table.totals.parameters == sum(parameter.numel() for parameter in network.parameters()) == 80
    assert [row.parameters for row in table] == [0, 72, 8, 0]
    assert [row.shared_with for row in table] == [None, None, "0", None]
    assert table.rows[3].note == "call 2; weights counted at the first call"
    assert table.totals.macs == 3 * 64
    assert table.totals.activation_size == 4 * 8  # each call computes its values


def test_what_is_not_called_stands_where_it_is_defined() -> None:
    class Unused(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.token = nn.Parameter(torch.zeros(1, 2))
            self.first, self.spare, self.last = nn.Linear(2, 2), nn.Linear(2, 5), nn.Linear(2, 2)

        def forward(self, x: Tensor) -> Tensor:
            output: Tensor = self.last(self.first(x))
            return output

    table = count(Unused(), (2,))
    assert [(row.path, row.parameters, row.note) for row in table] == [
        ("input", 0, ""),
        ("token", 2, "a tensor of 1x2"),
        ("first", 6, ""),
        ("spare", 15, "not called"),
        ("last", 6, ""),
    ]
    assert table.output_shapes == ((2,),)


def test_an_unknown_operation_is_named() -> None:
    class Inverse(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            inverse: Tensor = torch.linalg.inv(x)
            return inverse

    table = count(nn.Sequential(Inverse()), (1, 4, 4))
    assert [(unknown.operation, unknown.path) for unknown in table.uncounted] == [("aten::linalg_inv_ex", "0")]
    assert table.is_lower_bound


@pytest.mark.parametrize(
    ("shape", "parts"),
    [
        ((1, 32, 32), ["conv1 (Conv2d)", "1x1x32x32", "3 channels", "input was 1x32x32"]),
        ((3, 64, 64), ["fc1 (Linear)", "1x2704", "400 features", "input was 3x64x64"]),
        ((3, 8, 8), ["conv2 (Conv2d)", "1x6x2x2", "5x5", "input was 3x8x8"]),
        ((3, 32), ["conv1 (Conv2d)", "1x3x32", "4 axes", "input was 3x32"]),
        ((3, 0, 32), ["(3, 0, 32)", "(3, 32, 32)"]),
    ],
)
def test_an_input_that_does_not_fit(shape: tuple[int, ...], parts: list[str]) -> None:
    with pytest.raises(ShapeError) as error:
        count(Net(), shape)
    assert [part for part in parts if part not in str(error.value)] == []


def test_what_is_wrong_beside_the_shape_is_said_as_torch_says_it() -> None:
    with pytest.raises(ShapeError, match=r"^0 \(Conv2d\): got 1x3x8x8 \(batch first\), .*(dtype|type).*3x8x8$"):
        count(nn.Sequential(nn.Conv2d(3, 8, 5)), torch.zeros(1, 3, 8, 8, dtype=torch.int64))


@pytest.mark.parametrize("size", [1, 3, 4])
@pytest.mark.parametrize(
    "layer", [nn.Conv2d(3, 8, 5), nn.Conv2d(3, 8, 3, dilation=2), nn.MaxPool2d(5), nn.AvgPool2d(5)]
)
def test_a_window_that_does_not_fit(layer: nn.Module, size: int) -> None:
    with pytest.raises(ShapeError, match=rf"^0 \(\w+\): got 1x3x{size}x9 .*, expected .*5x5"):
        count(nn.Sequential(layer), (3, size, 9))
    assert count(nn.Sequential(layer), (3, 5, 9)).output_shapes[0][1] == 1
