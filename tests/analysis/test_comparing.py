"""Differences, trends, bottlenecks, folded blocks, and the table in other forms."""

from __future__ import annotations

import json

import pytest
import torch
import torchvision
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from convstudy.analysis import (
    LayerTable,
    at_depth,
    bottleneck,
    bottlenecks,
    channels_last,
    count,
    diff,
    fold,
    trends,
    unallocated,
    window_output_size,
)
from convstudy.analysis.table import LayerRow
from convstudy.errors import ShapeError
from tests.analysis.networks import Net

IMAGE = (3, 224, 224)


def built(name: str) -> nn.Module:
    with unallocated():
        network: nn.Module = torchvision.models.get_model(name)
    return network


def table_of(name: str) -> LayerTable:
    return count(built(name), IMAGE)


def lecture() -> nn.Module:
    return nn.Sequential(
        *(nn.Conv2d(3, 8, 5), nn.MaxPool2d(2), nn.Conv2d(8, 16, 5), nn.MaxPool2d(2), nn.Flatten()),
        *(nn.Linear(400, 120), nn.Linear(120, 84), nn.Linear(84, 10)),
    )


def test_a_network_does_not_differ_from_itself() -> None:
    table = table_of("resnet18")
    assert diff(table, table).changes == ()
    assert [layer.a for layer in diff(table, table).layers] == list(table.rows)


def test_resnet34_is_resnet18_with_more_blocks() -> None:
    a, b = table_of("resnet18"), table_of("resnet34")
    difference = diff(a, b)
    added = [layer.b for layer in difference.changes if layer.a is None]
    assert {row.path.rsplit(".", 1)[0] for row in added if row} == {
        *("layer1.2", "layer2.2", "layer2.3", *(f"layer3.{block}" for block in (2, 3, 4, 5)), "layer4.2"),
    }
    assert all(layer.a is None for layer in difference.changes)
    assert sum(layer.macs for layer in difference.layers) == b.totals.macs - a.totals.macs
    assert sum(layer.parameters for layer in difference.layers) == b.totals.parameters - a.totals.parameters


def test_changed_layers_stand_beside_each_other() -> None:
    wider = Net()
    wider.fc2, wider.fc3 = nn.Linear(120, 100), nn.Linear(100, 10)
    changes = diff(count(Net(), (3, 32, 32)), count(wider, (3, 32, 32))).changes
    assert [(layer.a.path, layer.changed) for layer in changes if layer.a] == [
        ("fc2", ("output_shape", "activation_size", "parameters", "macs")),
        ("relu_3", ("output_shape", "activation_size")),
        ("fc3", ("parameters", "macs")),
    ]


@given(st.permutations(range(4)), st.permutations(range(4)))
@settings(deadline=None)
def test_every_layer_of_both_is_in_a_difference(left: list[int], right: list[int]) -> None:
    layers = [nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 4, bias=False), nn.Sigmoid()]
    a, b = (count(nn.Sequential(*(layers[number] for number in order)), (4,)) for order in (left, right))
    found = diff(a, b).layers
    assert [layer.a for layer in found if layer.a] == list(a.rows)
    assert sorted(layer.b.path for layer in found if layer.b) == sorted(row.path for row in b.rows)


def test_the_lectures_trends_in_the_lectures_network() -> None:
    """Two steps of its own table go the other way: 3,072 to 6,272 in CONV1, and 1,568 to 1,600 in CONV2."""
    pooling, convolutions, activations, channels = trends(count(lecture(), (3, 32, 32)))
    assert (pooling.holds, convolutions.holds, activations.holds, channels.holds) == (True, True, False, True)
    assert [(wrong.path, wrong.number, wrong.other) for wrong in activations.counterexamples] == [
        ("0", 6272, 3072),
        ("2", 1600, 1568),
    ]


def test_the_lectures_trends_in_other_networks() -> None:
    pooling, convolutions, _, channels = trends(table_of("vgg16"))
    assert (pooling.holds, convolutions.holds, channels.holds) == (True, True, True)
    _, convolutions, _, channels = trends(table_of("resnet50"))
    assert not convolutions.holds  # its only dense layer has 2,049,000; the last 3x3 have 2,359,296
    assert {wrong.number for wrong in convolutions.counterexamples} == {2_359_296, 2_097_152}
    assert not channels.holds
    assert channels.counterexamples[0].path == "layer1.1.conv1"  # 256 are reduced to 64


def test_trends_without_layers_to_show_them() -> None:
    pooling, convolutions, _, _ = trends(count(nn.Sequential(nn.Conv2d(3, 8, 5)), (3, 8, 8)))
    assert (pooling.holds, convolutions.holds) == (None, None)


def test_a_pooling_layer_with_parameters_is_found() -> None:
    class ScaledPool(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scale = nn.Parameter(torch.ones(1))

        def forward(self, x: Tensor) -> Tensor:
            return nn.functional.avg_pool2d(x, 2) * self.scale

    pooling = trends(count(nn.Sequential(ScaledPool()), (1, 4, 4)))[0]
    assert pooling.holds is False
    assert [(wrong.path, wrong.number) for wrong in pooling.counterexamples] == [("0", 1)]


def test_the_lectures_bottleneck() -> None:
    """Szegedy et al. 2014, Table 1, inception 3a's 5x5: 192 x 28 x 28, reduced to 16, to 32."""
    example = bottleneck((192, 28, 28), kernel=5, channels=32, reduced=16)
    assert (example.direct_macs, example.reduced_macs) == (120_422_400, 12_443_648)
    assert f"{example.times_fewer:.1f}" == "9.7"
    network = nn.Sequential(nn.Conv2d(192, 16, 1, bias=False), nn.Conv2d(16, 32, 5, padding=2, bias=False))
    totals = count(network, (192, 28, 28)).totals
    assert (example.reduced_macs, example.reduced_weights) == (totals.macs, totals.parameters)


def test_where_a_reduction_would_save_most() -> None:
    network = built("vgg16")
    table = count(network, IMAGE)
    found = bottlenecks(network, IMAGE)
    assert [layer.saved_macs for layer in found] == sorted((layer.saved_macs for layer in found), reverse=True)
    assert found[0].path == "features.2"  # of those of 1.85 GMACs the one with the fewest channels to reduce
    assert all(table[layer.path].macs == layer.direct_macs for layer in found)
    assert all(layer.reduced_channels == 16 for layer in bottlenecks(network, IMAGE, reduced=16))
    assert "features.0" not in {layer.path for layer in bottlenecks(network, IMAGE, reduced=16)}  # 3 channels


def test_grouped_and_pointwise_convolutions_are_not_reduced() -> None:
    network = nn.Sequential(nn.Conv2d(64, 64, 3, groups=4), nn.Conv2d(64, 64, 1), nn.Conv2d(64, 64, 3))
    assert [layer.path for layer in bottlenecks(network, (64, 16, 16))] == ["2"]


def test_a_bottleneck_with_a_stride() -> None:
    example = bottleneck((64, 57, 57), kernel=3, channels=128, reduced=1, stride=2)
    assert (example.path, example.output_shape) == ("", (128, 29, 29))
    assert example.direct_macs == 128 * 29 * 29 * 9 * 64
    assert example.reduced_macs == 57 * 57 * 64 + 128 * 29 * 29 * 9


def test_a_reduction_is_to_a_quarter_but_to_one_channel_at_least() -> None:
    found = bottlenecks(nn.Sequential(nn.Conv2d(11, 64, 3, padding=1), nn.Conv2d(64, 30, 3)), (11, 9, 9))
    assert {layer.path: layer.reduced_channels for layer in found} == {"0": 2, "1": 16}
    (narrow,) = bottlenecks(nn.Sequential(nn.Conv2d(3, 64, 3, padding=1)), (3, 9, 9))
    assert narrow.reduced_channels == 1
    assert bottlenecks(nn.Sequential(nn.Conv2d(11, 64, 3)), (11, 9, 9), reduced=1)[0].reduced_channels == 1


def test_what_saves_nothing_is_no_bottleneck() -> None:
    """At a kernel of 1x2 and 3 outputs: 3·2·8 = 48 direct, 8·4 + 3·2·4 = 56 to four channels, 42 to three."""
    layer = nn.Sequential(nn.Conv2d(8, 3, (1, 2), padding="same"))
    assert bottlenecks(layer, (8, 5, 5), reduced=4) == ()
    assert [layer.saved_macs for layer in bottlenecks(layer, (8, 5, 5), reduced=3)] == [(48 - 42) * 25]
    equal = nn.Sequential(nn.Conv2d(4, 2, (1, 2), padding="same"))  # 2·2·4 = 16 direct, 4·2 + 2·2·2 = 16 to two
    assert bottlenecks(equal, (4, 5, 5), reduced=2) == ()
    (least,) = bottlenecks(nn.Sequential(nn.Conv2d(3, 1, (1, 2), padding="same")), (3, 1, 1), reduced=1)
    assert least.saved_macs == 2 * 3 - (3 + 2) == 1


def test_a_window_that_does_not_fit_is_told() -> None:
    with pytest.raises(ShapeError, match=r"window of 9 .* axis of 4 with padding 2"):
        window_output_size(4, 5, padding=2, dilation=2)
    assert window_output_size(5, 5, padding=2, dilation=2) == 1
    assert window_output_size(32, 5) == 28


@pytest.mark.parametrize("wrong", ["input", "kernel", "channels", "reduced", "stride"])
def test_every_number_of_a_bottleneck_is_from_one_on(wrong: str) -> None:
    numbers = {"kernel": 1, "channels": 1, "reduced": 1, "stride": 1}
    assert bottleneck((1, 1, 1), **numbers).direct_macs == 1
    with pytest.raises(ShapeError, match="at least 1"):
        bottleneck(
            (1, 0, 1) if wrong == "input" else (1, 1, 1), **(numbers | {wrong: 0} if wrong in numbers else numbers)
        )


def test_bottlenecks_that_cannot_be() -> None:
    with pytest.raises(ShapeError, match=r"channels x height x width.*got input \(192, 28\)"):
        bottleneck((192, 28), kernel=5, channels=32, reduced=16)
    with pytest.raises(ShapeError, match="reduced is 0"):
        bottlenecks(Net(), (3, 32, 32), reduced=0)


def test_the_twelve_layers_of_a_vision_transformer_are_folded() -> None:
    [repeated] = [block for block in fold(table_of("vit_b_16").rows) if block.times > 1]
    assert (repeated.times, repeated.last_path) == (12, "encoder.layers.encoder_layer_11")


def test_the_blocks_of_a_residual_network_are_folded_whole() -> None:
    """He et al. 2015, Table 1: 3, 4, 6 and 3 blocks; the first of a stage with another stride stands alone."""
    blocks = [block for block in fold(table_of("resnet34").rows) if block.times > 1]
    assert [(block.rows[0].path, block.times, block.last_path) for block in blocks] == [
        ("layer1.0.conv1", 3, "layer1.2"),
        ("layer2.1.conv1", 3, "layer2.3"),
        ("layer3.1.conv1", 5, "layer3.5"),
        ("layer4.1.conv1", 2, "layer4.2"),
    ]


@pytest.mark.parametrize("name", ["resnet34", "vit_b_16", "mobilenet_v2"])
def test_folding_loses_nothing(name: str) -> None:
    table = table_of(name)
    blocks = fold(table.rows)
    assert sum(block.macs for block in blocks) == table.totals.macs
    assert sum(block.parameters for block in blocks) == table.totals.parameters
    assert sum(block.times * len(block.rows) for block in blocks) == len(table.rows) > len(blocks)


@given(st.lists(st.sampled_from("ab"), max_size=12))
def test_folded_blocks_unfold_to_the_rows(kinds: list[str]) -> None:
    rows = [LayerRow(f"stage.{number}.layer", kind) for number, kind in enumerate(kinds)]
    blocks = fold(rows)
    assert [row.kind for block in blocks for row in block.rows * block.times] == kinds
    assert len(blocks) == len([kind for number, kind in enumerate(kinds) if number == 0 or kind != kinds[number - 1]])


def test_a_table_cut_at_a_depth_keeps_its_totals_and_each_stage_of_the_paper() -> None:
    """He et al. 2015, Table 1: the output sizes of the stages of a ResNet-34."""
    whole = table_of("resnet34")
    stages = at_depth(whole, 1)
    assert stages.totals == whole.totals
    assert sum(row.macs for row in stages) == whole.totals.macs
    assert [(row.path, row.kind, row.output_shape) for row in stages if row.path.startswith("layer")] == [
        ("layer1", "Sequential", (64, 56, 56)),
        ("layer2", "Sequential", (128, 28, 28)),
        ("layer3", "Sequential", (256, 14, 14)),
        ("layer4", "Sequential", (512, 7, 7)),
    ]
    assert stages["layer4"].stride == (32, 32)
    assert at_depth(whole, 99).rows == whole.rows
    with pytest.raises(ShapeError, match=r"^depth is 0"):
        at_depth(whole, 0)


def test_channels_are_written_last_where_they_are_not_already() -> None:
    table = channels_last(table_of("swin_t"))
    assert table.input_shape == (224, 224, 3)
    assert table["features.0.0"].output_shape == (56, 56, 96)  # the convolution, channels first
    assert table["features.1.0.mlp.0"].output_shape == (56, 56, 384)  # Swin keeps its channels last by itself
    assert table["head"].output_shape == (1000,)
    assert channels_last(table).rows == table.rows
    tokens = channels_last(table_of("vit_b_16"))
    assert tokens["encoder.ln"].output_shape == (197, 768)
    signal = channels_last(count(nn.Conv1d(2, 8, 3), (2, 10)))
    assert [row.output_shape for row in signal] == [(10, 2), (8, 8)]


def test_the_table_in_pandas_and_json() -> None:
    table = count(Net(), (3, 32, 32))
    frame = table.to_pandas()
    assert int(frame["macs"].sum()) == frame.attrs["totals"]["macs"] == table.totals.macs
    assert frame.loc["fc1", "output_shape"] == (120,)
    data = json.loads(json.dumps(table.to_dict()))
    assert [layer["path"] for layer in data["layers"]] == [row.path for row in table]
    assert data["totals"]["parameters"] == 62_006
    assert data["uncounted"] == []


def test_the_table_in_a_notebook() -> None:
    table = count(Net(), (3, 32, 32))
    html = table._repr_html_()
    assert html.count("<tr") == len(table.rows) + 2  # the head and the totals
    assert "<td>62,006</td>" in html
    assert "<td>total</td>" in html
