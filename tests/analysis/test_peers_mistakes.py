"""What other counters get wrong, right: each figure worked out here by hand, or computed by torch itself."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
import torch
import torch.nn.functional as F
import torchvision
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from convstudy.analysis import count
from convstudy.analysis.unallocated import unallocated

IMAGE = (3, 224, 224)


class Calls(nn.Module):
    """A network that is one function of its input and of some weights."""

    def __init__(self, function: Callable[..., Tensor], *weights: Tensor) -> None:
        super().__init__()
        self.function = function
        self.weights = nn.ParameterList([nn.Parameter(weight) for weight in weights])

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x, *self.weights)


def macs(network: nn.Module, *inputs: Any, **options: Any) -> int:
    table = count(network, *inputs, **options)
    assert not table.uncounted
    return table.totals.macs


def built(name: str, **options: Any) -> nn.Module:
    with unallocated():
        network: nn.Module = torchvision.models.get_model(name, **options)
    return network


def test_vit_b_16_in_evaluation() -> None:
    """Patches, then twelve layers of attention and two dense layers, then the head (Dosovitskiy et al. 2021)."""
    tokens, width, hidden = 14 * 14 + 1, 768, 3072
    layer = tokens * width * (4 * width) + 2 * tokens * tokens * width + 2 * tokens * width * hidden
    expected = 196 * width * 3 * 16 * 16 + 12 * layer + width * 1000
    assert macs(built("vit_b_16"), IMAGE) == macs(built("vit_b_16"), IMAGE, training=True) == expected
    assert round(expected / 1e9, 3) == 17.564  # torchvision's metadata


def test_swin_t() -> None:
    """Patches of 4x4, layers with windows of 7x7, mergings, then the head (Liu et al. 2021, equation 2)."""
    stages = [(56**2, 96, 2), (28**2, 192, 2), (14**2, 384, 6), (7**2, 768, 2)]
    layers = sum(depth * (12 * tokens * width**2 + 2 * 7**2 * tokens * width) for tokens, width, depth in stages)
    merges = sum(tokens * (4 * width // 2) * width for tokens, width, _ in stages[1:])
    expected = 56**2 * 96 * 3 * 4 * 4 + layers + merges + 768 * 1000
    assert macs(built("swin_t"), IMAGE) == expected
    assert round(expected / 1e9, 3) == 4.491  # torchvision's metadata


def test_googlenet_in_training() -> None:
    """The figure of evaluation, which torchvision prints, and two side branches (Szegedy et al. 2014, section 5)."""
    network = built("googlenet", init_weights=False)
    branch = [16 * 128 * channels + (16 * 128) * 1024 + 1024 * 1000 for channels in (512, 528)]
    evaluation = macs(network, IMAGE)
    assert round(evaluation / 1e9, 3) == 1.498
    assert macs(network, IMAGE, training=True) == evaluation + sum(branch)


@pytest.mark.parametrize(("name", "size"), [("googlenet", 224), ("inception_v3", 299)])
def test_side_branches_count_in_training_only(name: str, size: int) -> None:
    network = built(name, init_weights=False).train()
    evaluation, training = (count(network, (3, size, size), training=mode) for mode in (False, True))
    branches = [row for row in training if row.path.lower().startswith("aux")]
    unused = [row for row in evaluation if row.path.lower().startswith("aux")]
    assert training.totals.macs - evaluation.totals.macs == sum(row.macs for row in branches) > 0
    assert training.totals.parameters == evaluation.totals.parameters
    assert {row.note for row in unused} == {"not called"}
    assert all(module.training for module in network.modules())


@pytest.mark.parametrize(("stride", "groups"), [(1, 1), (2, 1), (3, 2)])
def test_transposed_convolution(stride: int, groups: int) -> None:
    network = nn.ConvTranspose2d(8, 4, 3, stride=stride, groups=groups)
    assert macs(network, (8, 7, 7)) == 7 * 7 * 8 * (4 // groups) * 3 * 3


@pytest.mark.parametrize("kernel", [2, 3, 4])
def test_padding_same(kernel: int) -> None:
    assert macs(nn.Conv2d(3, 8, kernel, padding="same"), (3, 10, 10)) == 8 * 10 * 10 * 3 * kernel**2


FUNCTIONAL = {
    "conv1d": (Calls(F.conv1d, torch.zeros(4, 3, 5)), (3, 20), 16 * 4 * 3 * 5),
    "conv2d": (Calls(F.conv2d, torch.zeros(4, 3, 5, 5)), (3, 8, 8), 4 * 4 * 4 * 3 * 25),
    "conv3d": (Calls(F.conv3d, torch.zeros(2, 1, 2, 2, 2)), (1, 3, 3, 3), 8 * 2 * 8),
    "dilated": (Calls(lambda x, w: F.conv2d(x, w, dilation=2), torch.zeros(4, 3, 3, 3)), (3, 8, 8), 4 * 4 * 4 * 27),
    "depthwise": (Calls(lambda x, w: F.conv2d(x, w, groups=6), torch.zeros(6, 1, 3, 3)), (6, 5, 5), 6 * 9 * 9),
    "linear": (Calls(F.linear, torch.zeros(7, 5)), (5,), 35),
    "matmul": (Calls(lambda x, w: x @ w, torch.zeros(5, 7)), (3, 5), 105),
    "einsum": (Calls(lambda x, w: torch.einsum("bij,jk->bik", x, w), torch.zeros(5, 7)), (3, 5), 105),
    "einsum of two inputs": (Calls(lambda x: torch.einsum("bij,bkj->bik", x, x)), (3, 5), 45),
    "baddbmm": (Calls(lambda x: torch.baddbmm(torch.zeros(1, 3, 3), x, x.mT)), (3, 5), 45),
    "attention": (Calls(lambda x: F.scaled_dot_product_attention(x, x, x)), (2, 10, 4), 2 * 2 * 10 * 10 * 4),
    "bilinear": (nn.Bilinear(3, 4, 5), ((3,), (4,)), 5 * 3 * 4),
}


@pytest.mark.parametrize("name", FUNCTIONAL)
def test_operations_without_a_module(name: str) -> None:
    network, shape, expected = FUNCTIONAL[name]
    inputs = shape if isinstance(shape[0], tuple) else (shape,)
    assert macs(network, *inputs) == expected


@pytest.mark.parametrize(
    ("network", "per_step"),
    [
        (nn.LSTM(5, 7, batch_first=True), 4 * 7 * (5 + 7)),
        (nn.GRU(5, 7, batch_first=True), 3 * 7 * (5 + 7)),
        (nn.RNN(5, 7, batch_first=True), 7 * (5 + 7)),
        (nn.LSTM(5, 7, num_layers=2, batch_first=True), 4 * 7 * (5 + 7) + 4 * 7 * (7 + 7)),
        (nn.LSTM(5, 7, bidirectional=True, batch_first=True), 2 * 4 * 7 * (5 + 7)),
    ],
)
def test_recurrent_layers(network: nn.Module, per_step: int) -> None:
    assert macs(network, (11, 5)) == 11 * per_step


def test_deformable_convolution() -> None:
    class Deformable(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.offsets = nn.Conv2d(3, 18, 3)
            self.shifted = torchvision.ops.DeformConv2d(3, 8, 3)

        def forward(self, x: Tensor) -> Tensor:
            output: Tensor = self.shifted(x, self.offsets(x))
            return output

    table = count(Deformable(), (3, 10, 10))
    assert table["shifted"].macs == 8 * 8 * 8 * 27
    assert table.totals.macs == 8 * 8 * (18 + 8) * 27
    assert table.uncounted == ()


def test_attention_of_torch_is_one_row_with_all_its_products() -> None:
    positions, width = 10, 8
    table = count(nn.Sequential(nn.TransformerEncoderLayer(width, 2, 16, batch_first=True)), (positions, width))
    attention = positions * width * 4 * width + 2 * positions * positions * width
    assert table["0.self_attn"].macs == attention
    assert table.totals.macs == attention + 2 * positions * width * 16


def test_shared_weights_count_once() -> None:
    class Tied(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embedding = nn.Embedding(100, 8)
            self.head = nn.Linear(8, 100, bias=False)
            self.head.weight = self.embedding.weight

        def forward(self, x: Tensor) -> Tensor:
            logits: Tensor = self.head(self.embedding(x))
            return logits

    table = count(Tied(), torch.zeros(1, 4, dtype=torch.long))
    assert table.totals.parameters == 800
    assert (table["head"].parameters, table["head"].shared_with) == (0, "embedding")
    assert table["head"].note == "weights shared with embedding, counted there"
    first, second = nn.Linear(8, 8), nn.Linear(8, 8)
    second.weight = first.weight
    assert count(nn.Sequential(first, nn.ReLU(), second), (8,)).totals.parameters == 8 * 8 + 8 + 8


def test_a_reused_layers_activations_count_each_time() -> None:
    layer = nn.Conv2d(3, 3, 3, padding=1)
    table = count(nn.Sequential(layer, nn.ReLU(), layer), (3, 8, 8))
    assert [row.activation_size for row in table] == [192] * 4
    assert [row.macs for row in table] == [0, 192 * 27, 0, 192 * 27]
    assert table.totals.parameters == 3 * 3 * 9 + 3


def test_biases_norms_and_pooling_are_no_macs() -> None:
    network = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.AvgPool2d(2), nn.Softmax(1))
    table = count(network, (3, 10, 10))
    assert [row.macs for row in table] == [0, 8 * 8 * 8 * 27, 0, 0, 0, 0]
    outputs, pooled = 8 * 8 * 8, 8 * 4 * 4
    assert [row.other_operations for row in table] == [0, outputs, 2 * outputs, outputs, 4 * pooled, 5 * pooled]


def test_max_pooling_compares() -> None:
    assert count(nn.MaxPool2d(3, 2), (4, 9, 9)).totals.other_operations == 4 * 4 * 4 * 8


@pytest.mark.parametrize(
    ("layer", "each"),
    [
        (nn.BatchNorm2d(4), 7),
        (nn.BatchNorm2d(4).eval(), 2),
        (nn.GroupNorm(2, 4), 7),
        (nn.GroupNorm(2, 4, affine=False), 5),
        (nn.LayerNorm([4, 6, 6]), 7),
        (nn.LayerNorm([4, 6, 6], elementwise_affine=False), 5),
        (nn.ReLU(), 1),
        (nn.Softmax(1), 5),
        (nn.AdaptiveAvgPool2d(1), 1),
        (nn.Dropout().eval(), 0),
        (nn.Flatten(), 0),
    ],
)
def test_the_stated_other_operations_a_value(layer: nn.Module, each: int) -> None:
    table = count(nn.Sequential(layer), torch.empty(2, 4, 6, 6), training=None)
    assert table.totals.other_operations == each * 2 * 4 * 6 * 6


def test_in_training_a_norm_takes_the_statistics_of_one_image() -> None:
    network = nn.Sequential(nn.BatchNorm2d(4), nn.AdaptiveAvgPool2d(1), nn.BatchNorm2d(4))
    table = count(network, (4, 6, 6), training=True)
    assert table["0"].other_operations == 7 * 4 * 6 * 6
    assert table["2"].other_operations == 2 * 4  # one value a channel has no statistics: the stored ones


@pytest.mark.parametrize(("mode", "each"), [("nearest", 0), ("bilinear", 7), ("bicubic", 31)])
def test_interpolation(mode: str, each: int) -> None:
    table = count(nn.Upsample(scale_factor=2, mode=mode), (3, 5, 5))
    assert (table.totals.macs, table.totals.other_operations) == (0, each * 3 * 10 * 10)


def test_additions_and_concatenations_are_in_the_table() -> None:
    table = count(built("resnet18"), IMAGE)
    assert [row.kind for row in table if row.path.startswith("layer1.0.add")] == ["Add"]
    assert table["layer1.0.add"].output_shape == (64, 56, 56)
    inception = count(built("googlenet", init_weights=False), IMAGE)
    assert inception["inception3a.cat"].output_shape == (256, 28, 28)


def test_several_inputs_and_outputs() -> None:
    class Pair(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.left, self.right = nn.Linear(3, 4), nn.Linear(5, 4)

        def forward(self, a: Tensor, *, b: Tensor) -> dict[str, Tensor]:
            return {"sum": self.left(a) + self.right(b), "left": self.left(a)}

    table = count(Pair(), (3,), b=(5,))
    assert table.input_shapes == ((3,), (5,))
    assert table.output_shapes == ((4,), (4,))
    assert [row.path for row in table] == ["input", "b", "left", "right", "add", "left"]


@pytest.mark.parametrize("name", ["resnet18", "squeezenet1_1", "densenet121"])
def test_backward_is_what_torch_does(name: str) -> None:
    """The input itself needs no gradient, so the first convolution has one product less.

    Networks without groups: FlopCounterMode takes the backward pass of a grouped convolution for an ungrouped one.
    """
    network = torchvision.models.get_model(name)
    x = torch.rand(2, 3, 32, 32)
    with FlopCounterMode(display=False) as forward:
        loss = network(x).sum()
    with FlopCounterMode(display=False) as backward:
        loss.backward()
    totals = count(network, x, training=True).totals
    assert (totals.macs, totals.backward_macs) == (forward.get_total_flops() // 2, backward.get_total_flops() // 2)


def test_frozen_weights_get_no_gradient() -> None:
    network = nn.Sequential(nn.Linear(4, 5), nn.Linear(5, 6), nn.Linear(6, 7))
    network[0].requires_grad_(False)
    table = count(network, (4,), training=True)
    assert [row.backward_macs for row in table] == [0, 0, 30, 84]
    assert [row.trainable_parameters for row in table] == [0, 0, 36, 49]
    assert table["0"].frozen_parameters == 25


FIELDS = [("alexnet", "features.12", 195), ("vgg16", "features.30", 212), ("resnet18", "layer4.1.conv2", 435)]


@pytest.mark.parametrize(("name", "path", "field"), [*FIELDS, ("resnet50", "layer4.2.conv3", 427)])
def test_published_receptive_fields(name: str, path: str, field: int) -> None:
    """Araujo, Norris & Sim 2019, Table 1 (there for the last layer before the global pooling)."""
    row = count(built(name), IMAGE)[path]
    assert (row.receptive_field, row.stride) == ((field, field), (32, 32))


class Slice(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x[:, :, 1:-2, 1:-2]


class Residual(nn.Module):
    """A wide branch and a narrow, dilated one that is cropped unevenly, added."""

    def __init__(self, crop: nn.Module) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, 2, 3, stride=2, padding=1)
        self.wide = nn.Conv2d(2, 2, 5, padding=2)
        self.dilated = nn.Conv2d(2, 2, 2, dilation=5, padding=4)
        self.crop = crop
        self.up = nn.ConvTranspose2d(2, 2, 3, stride=2, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        x = self.wide(x) + self.crop(self.dilated(x))
        output: Tensor = self.up(x)
        return output


@pytest.mark.parametrize("crop", [nn.ZeroPad2d((-1, -2, -1, -2)), Slice()])
@pytest.mark.parametrize("path", ["stem", "wide", "dilated", "add", "up"])
def test_receptive_fields_are_the_pixels_with_a_gradient(path: str, crop: nn.Module) -> None:
    """The stretch of input pixels that change a middle output, found by differentiation."""
    network = Residual(crop).double()
    for parameter in network.parameters():
        nn.init.constant_(parameter, 1.0)
    seen: dict[str, Tensor] = {}
    for name, module in network.named_children():
        module.register_forward_hook(lambda _, __, result, name=name: seen.update({name: result}))
    x = torch.ones(1, 1, 64, 64, dtype=torch.double, requires_grad=True)
    network(x)
    seen["add"] = seen["wide"] + network.crop(seen["dilated"])
    output = seen[path]
    widths = []
    for middle in (output.shape[-1] // 2, output.shape[-1] // 2 + 1):
        (gradient,) = torch.autograd.grad(output[0, 0, middle, middle], x, retain_graph=True)
        touched = gradient[0, 0].nonzero()[:, 1]
        widths.append(int(touched.max() - touched.min() + 1))
    row = count(network, (1, 64, 64))[path]
    assert row.receptive_field == (max(widths), max(widths))


class Applied(nn.Module):
    """A function between layers."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x)


def conv(channels: int, outputs: int, kernel: int, **options: Any) -> nn.Module:
    return nn.Conv2d(channels, outputs, kernel, **options)


def seen_along_the_last_axis(network: nn.Module, shape: tuple[int, ...]) -> int:
    """The most input pixels that change a middle output, found by differentiation with positive weights."""
    for parameter in network.double().parameters():
        nn.init.constant_(parameter, 1.0)
    x = torch.ones(1, *shape, dtype=torch.double, requires_grad=True)
    output = network(x)
    middle = output.shape[-1] // 2
    widths = []
    for position in range(middle - 2, middle + 3):
        across = output[0, ..., position]
        value = across[:, across.shape[-1] // 2].sum() if output.dim() == 4 else across.sum()
        (gradient,) = torch.autograd.grad(value, x, retain_graph=True)
        touched = gradient.abs().flatten(0, -2).sum(0).nonzero()
        widths.append(int(touched.max() - touched.min() + 1))
    return max(widths)


FOLLOWED: dict[str, tuple[list[nn.Module], tuple[int, ...]]] = {
    "pooling in one dimension": ([nn.Conv1d(2, 2, 3), nn.AvgPool1d(2), nn.Conv1d(2, 2, 5)], (2, 96)),
    "rolled": ([conv(2, 2, 3, padding=1), Applied(lambda x: x.roll((2, 1), (-2, -1)) + x)], (2, 48, 48)),
    "rolled back": ([conv(2, 2, 3, padding=1), Applied(lambda x: x.roll(-4, -1) + x)], (2, 48, 48)),
    "shuffled channels": ([conv(2, 4, 3), nn.ChannelShuffle(2), conv(4, 2, 3)], (2, 48, 48)),
    "pooled to 7 of 96": ([conv(2, 2, 3, padding=1), nn.AdaptiveAvgPool2d(7)], (2, 96, 96)),
    "pooled to 12 of 96": ([nn.AdaptiveAvgPool2d(12)], (2, 96, 96)),
    "pooled to 36 of 96, convolved": ([nn.AdaptiveAvgPool2d(36), conv(2, 2, 3)], (2, 96, 96)),
    "enlarged": ([nn.Upsample(scale_factor=2), conv(2, 2, 2)], (2, 48, 48)),
    "enlarged threefold": ([nn.Upsample(scale_factor=3), conv(2, 2, 3)], (2, 32, 32)),
    "pixels to channels": ([Applied(lambda x: torch.cat([x[..., ::2], x[..., 1::2]], 1)), conv(4, 2, 3)], (2, 48, 48)),
    "channels last": (
        [Applied(lambda x: x.permute(0, 2, 3, 1)), nn.Linear(2, 2), Applied(lambda x: x.permute(0, 3, 1, 2))],
        (2, 48, 48),
    ),
}


@pytest.mark.parametrize("name", FOLLOWED)
def test_receptive_fields_are_followed_through(name: str) -> None:
    layers, shape = FOLLOWED[name]
    network = nn.Sequential(*layers)
    row = count(network, shape).rows[-1]
    assert row.receptive_field is not None
    assert row.receptive_field[-1] == seen_along_the_last_axis(network, shape)


def test_a_mirrored_image_has_no_finite_field() -> None:
    """The first position sees the last pixel: no stretch of fixed length around it."""
    network = nn.Sequential(conv(2, 2, 3, padding=1), Applied(lambda x: x + x.flip(-1)))
    assert count(network, (2, 8, 8)).rows[-1].receptive_field is None
    assert count(nn.Sequential(Applied(lambda x: x.flip(1))), (2, 8, 8)).rows[-1].receptive_field == (1, 1)


def test_the_whole_input_is_seen_after_a_dense_layer_or_global_pooling() -> None:
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2, 3))
    assert [row.receptive_field for row in count(network, (1, 8, 8))] == [(1, 1), (3, 3), None, None, None]


def test_what_weighs_channels_by_the_whole_image_sees_all_of_it() -> None:
    """Squeeze and excitation (Hu et al. 2018): the output has the image's axes, so a stride, but no finite field."""
    network = nn.Sequential(nn.Conv2d(3, 8, 3, 2), torchvision.ops.SqueezeExcitation(8, 2), nn.Conv2d(8, 8, 3))
    table = count(network, (3, 16, 16))
    assert (table["0"].receptive_field, table["0"].stride) == ((3, 3), (2, 2))
    assert (table["1.mul"].receptive_field, table["1.mul"].stride) == (None, (2, 2))
    assert (table["2"].receptive_field, table["2"].stride) == (None, (2, 2))


def test_fields_grow_with_depth() -> None:
    fields = [row.receptive_field for row in count(built("vgg16"), IMAGE) if row.receptive_field]
    assert all(below <= above for below, above in pairwise(fields))
