"""Each network against its paper."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import Tensor, nn

from convstudy.zoo import build
from convstudy.zoo.alexnet import ResponseNorm
from convstudy.zoo.lenet5 import S2_MAPS_OF_C3, class_codes
from convstudy.zoo.residual import ZeroPadding


def count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters() if parameter.requires_grad)


class Tutorial(nn.Module):
    """The tutorial's network, written as the tutorial does."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 6, 5)
        self.pool = nn.MaxPool2d(2, 2)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.fc1 = nn.Linear(16 * 5 * 5, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.pool(F.relu(self.conv1(x)))
        x = self.pool(F.relu(self.conv2(x)))
        x = torch.flatten(x, 1)
        x = F.relu(self.fc1(x))
        x = F.relu(self.fc2(x))
        out: Tensor = self.fc3(x)
        return out


def test_net_is_the_tutorial_s() -> None:
    torch.manual_seed(0)
    theirs, ours = Tutorial(), build("net", num_classes=10, in_channels=3)
    ours.load_state_dict(theirs.state_dict())
    images = torch.randn(4, 3, 32, 32)
    assert torch.equal(ours(images), theirs(images))
    assert count(ours) == 62_006
    assert count(build("net", num_classes=10, in_channels=1)) == 61_706


def test_lenet5_has_the_trainable_parameters_of_its_paper() -> None:
    network = build("lenet5", num_classes=10, in_channels=1)
    layers = {name: count(layer) for name, layer in network.named_children() if count(layer)}
    assert layers == {"c1": 156, "s2": 12, "c3": 1_516, "s4": 32, "c5": 48_120, "f6": 10_164}
    assert count(network) == 60_000


def test_lenet5_c3_sees_the_maps_of_table_1() -> None:
    """Six maps see 3 neighbours, six see 4 neighbours, three see 4 that are no neighbours, one sees all six."""
    around = [{(start + step) % 6 for step in range(length)} for length in (3, 4) for start in range(6)]
    assert [set(maps) for maps in S2_MAPS_OF_C3[:12]] == [
        {(start + step) % 6 for step in range(length)} for length in (3, 4) for start in range(6)
    ]
    assert [len(maps) for maps in S2_MAPS_OF_C3] == [3] * 6 + [4] * 9 + [6]
    assert all(set(maps) not in around for maps in S2_MAPS_OF_C3[12:])
    layer = build("lenet5", num_classes=10, in_channels=1).get_submodule("c3")
    x = torch.randn(1, 6, 14, 14)
    before = layer(x)
    x[:, 3] += 1
    changed = (layer(x) != before).flatten(2).any(2)[0]
    assert changed.tolist() == [3 in maps for maps in S2_MAPS_OF_C3]


def test_lenet5_sums_four_neighbours_and_squashes_as_in_appendix_a() -> None:
    network = build("lenet5", num_classes=10, in_channels=1)
    x = torch.randn(2, 6, 28, 28)
    sums = x[..., ::2, ::2] + x[..., 1::2, ::2] + x[..., ::2, 1::2] + x[..., 1::2, 1::2]
    assert torch.allclose(network.get_submodule("s2")(x), sums / 4, atol=1e-5)
    squashed = network.get_submodule("tanh1")(torch.tensor([1.0, -1.0, 0.0]))
    assert squashed.tolist() == pytest.approx([1.0, -1.0, 0.0], abs=1e-4)  # the paper: f(1) = 1 and f(-1) = -1


def test_lenet5_prefers_the_class_whose_code_is_nearest() -> None:
    output = build("lenet5", num_classes=10, in_channels=1).get_submodule("output")
    codes = class_codes(10)
    logits = output(codes)
    assert logits.argmax(1).tolist() == list(range(10))
    assert torch.equal(logits.diag(), torch.zeros(10))
    assert torch.equal(logits, -torch.cdist(codes, codes).square().round() / 8)
    assert len({tuple(code) for code in class_codes(40).tolist()}) == 40


def test_lenet5_learns_the_digits_at_a_rate_of_five_hundredths() -> None:
    """Forty steps: the scale of the logits decides whether the first of them throw it off."""
    images, labels = (torch.tensor(array[:640]) for array in load_digits(return_X_y=True))
    images = F.interpolate(images.float().reshape(-1, 1, 8, 8) / 8 - 1, size=32)
    torch.manual_seed(0)
    network = build("lenet5", num_classes=10, in_channels=1)
    optimiser = torch.optim.SGD(network.parameters(), lr=0.05, momentum=0.9, nesterov=True)
    for step in range(40):
        batch = torch.arange(64) + 64 * (step % 10)
        optimiser.zero_grad()
        loss = F.cross_entropy(network(images[batch]), labels[batch])
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    assert float(loss.detach()) < 0.7


def test_lecture_has_the_counts_that_its_table_should_have() -> None:
    layers = {name: count(layer) for name, layer in build("lecture", num_classes=10, in_channels=3).named_children()}
    assert [parameters for parameters in layers.values() if parameters] == [608, 3_216, 48_120, 10_164, 850]
    assert sum(layers.values()) == 62_958


def test_alexnet_normalises_by_the_paper_s_formula() -> None:
    """b_i = a_i / (k + alpha * sum of a_j^2 over n maps around i) ^ beta, section 3.3."""
    layer = ResponseNorm()
    maps = torch.rand(1, 96, 3, 3, generator=torch.Generator().manual_seed(0)) * 100
    i = 50
    total = maps[:, i - 2 : i + 3].square().sum(1)
    assert torch.allclose(layer(maps)[:, i], maps[:, i] / (2 + 1e-4 * total) ** 0.75)


def test_alexnet_s_towers_meet_in_conv3_and_in_the_dense_layers_only() -> None:
    with torch.device("meta"):
        network = build("alexnet", num_classes=1000, in_channels=3)
    groups = [layer.groups for layer in network.children() if isinstance(layer, nn.Conv2d)]
    assert groups == [1, 2, 1, 2, 2]
    pools = [layer for layer in network.children() if isinstance(layer, nn.MaxPool2d)]
    assert all((pool.kernel_size, pool.stride) == (3, 2) for pool in pools)  # overlapping, section 3.4


@pytest.mark.parametrize(
    ("layers", "parameters"),
    [(20, 269_722), (32, 464_154), (44, 658_586), (56, 853_018), (110, 1_727_962)],
)
def test_cifar_networks_have_the_parameters_of_their_layers(layers: int, parameters: int) -> None:
    """Worked out from section 4.2: 6n + 2 layers, and two numbers of batch normalisation a channel."""
    n = (layers - 2) // 6
    worked_out = 27 * 16 + 2 * 16 + 64 * 10 + 10
    for before, width in ((16, 16), (16, 32), (32, 64)):
        worked_out += 9 * before * width + (2 * n - 1) * 9 * width * width + 2 * n * 2 * width
    with torch.device("meta"):
        residual = build(f"resnet{layers}", num_classes=10, in_channels=3)
        plain = build(f"plain{layers}", num_classes=10, in_channels=3)
    assert count(residual) == worked_out == parameters
    assert list(residual.state_dict()) == list(plain.state_dict())
    weighty = [layer for layer in plain.modules() if isinstance(layer, nn.Conv2d | nn.Linear)]
    assert len(weighty) == layers


@pytest.mark.parametrize("layers", [18, 34])
def test_plain_networks_have_as_many_layers_as_their_names_say(layers: int) -> None:
    with torch.device("meta"):
        plain = build(f"plain{layers}", num_classes=1000, in_channels=3)
        residual = build(f"resnet{layers}", num_classes=1000, in_channels=3)
    weighty = [layer for layer in plain.modules() if isinstance(layer, nn.Conv2d | nn.Linear)]
    assert len(weighty) == layers
    assert list(plain.state_dict()) == [key for key in residual.state_dict() if "downsample" not in key]


def test_a_padded_shortcut_keeps_every_second_value_and_adds_zeros() -> None:
    x = torch.randn(2, 3, 8, 8)
    out = ZeroPadding(3, 5, 2)(x)
    assert torch.equal(out[:, :3], x[:, :, ::2, ::2])
    assert torch.equal(out[:, 3:], torch.zeros(2, 2, 4, 4))


def test_googlenet_has_the_counts_of_its_table_1() -> None:
    """Rows of Table 1: input channels, then 1x1, 3x3 reduce, 3x3, 5x5 reduce, 5x5, pool proj; biases counted."""
    table = {
        "inception3a": (192, 64, 96, 128, 16, 32, 32),
        "inception3b": (256, 128, 128, 192, 32, 96, 64),
        "inception4a": (480, 192, 96, 208, 16, 48, 64),
        "inception4b": (512, 160, 112, 224, 24, 64, 64),
        "inception4c": (512, 128, 128, 256, 24, 64, 64),
        "inception4d": (512, 112, 144, 288, 32, 64, 64),
        "inception4e": (528, 256, 160, 320, 32, 128, 128),
        "inception5a": (832, 256, 160, 320, 32, 128, 128),
        "inception5b": (832, 384, 192, 384, 48, 128, 128),
    }
    with torch.device("meta"):
        network = build("googlenet", num_classes=1000, in_channels=3)
    main = network.get_submodule("main")
    for name, (inputs, ones, reduce3, threes, reduce5, fives, projected) in table.items():
        weights = inputs * (ones + reduce3 + reduce5 + projected) + 9 * reduce3 * threes + 25 * reduce5 * fives
        biases = ones + reduce3 + threes + reduce5 + fives + projected
        assert count(main.get_submodule(name)) == weights + biases, name
    side = {512: 3_188_840, 528: 3_190_888}  # (C + 1)·128... worked out: 1x1 convolution, 2048 to 1024, 1024 to 1000
    for channels, parameters in side.items():
        assert (channels + 1) * 128 + (2048 + 1) * 1024 + (1024 + 1) * 1000 == parameters
    assert count(main) == 6_998_552
    assert count(network) == 13_378_280 == 6_998_552 + sum(side.values())


def test_googlenet_s_rows_have_the_output_sizes_of_its_table_1() -> None:
    sizes = {
        "conv1": (64, 112, 112),
        "pool1": (64, 56, 56),
        "conv2": (192, 56, 56),
        "pool2": (192, 28, 28),
        "inception3a": (256, 28, 28),
        "inception3b": (480, 28, 28),
        "pool3": (480, 14, 14),
        "inception4a": (512, 14, 14),
        "inception4b": (512, 14, 14),
        "inception4c": (512, 14, 14),
        "inception4d": (528, 14, 14),
        "inception4e": (832, 14, 14),
        "pool4": (832, 7, 7),
        "inception5a": (832, 7, 7),
        "inception5b": (1024, 7, 7),
        "avgpool": (1024, 1, 1),
    }
    with torch.device("meta"):
        network = build("googlenet", num_classes=1000, in_channels=3)
        x = torch.zeros(1, 3, 224, 224)
        found = {}
        for name, layer in network.get_submodule("main").named_children():
            x = layer(x)
            found[name] = tuple(x.shape[1:])
    assert {name: found[name] for name in sizes} == sizes


def test_googlenet_s_side_branches_are_there_in_training_only() -> None:
    with torch.device("meta"):
        network = build("googlenet", num_classes=7, in_channels=3)
        images = torch.zeros(2, 3, 224, 224)
        training, evaluation = network.train()(images), network.eval()(images)
    assert [tuple(logits.shape) for logits in training] == [(2, 7)] * 3
    assert training._fields == ("logits", "side4a", "side4d")
    assert evaluation.shape == (2, 7)


def test_the_naive_modules_grow_without_the_reductions() -> None:
    """Figure 2(a): the pooled channels are passed on, so that the channels add up from module to module."""
    with torch.device("meta"):
        main = build("inception-naive", num_classes=1000, in_channels=3).get_submodule("main")
    naive = main.get_submodule("inception3a")
    assert count(naive) == (192 + 1) * 64 + (9 * 192 + 1) * 128 + (25 * 192 + 1) * 32
    assert main.get_submodule("inception3b").out_channels == 128 + 192 + 96 + (64 + 128 + 32 + 192)
