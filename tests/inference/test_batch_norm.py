"""Folding: the same outputs from fewer layers, and the network itself untouched."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm

from convstudy.inference import ResidentImages, predict, prediction
from convstudy.inference.batch_norm import folded
from convstudy.inference.prediction import EXAMPLES, FAST_FROM, logits
from convstudy.zoo import build


def lived(network: nn.Module) -> nn.Module:
    """The network with statistics and affine parameters as after some training, in evaluation mode."""
    stream = torch.Generator().manual_seed(0)
    for layer in network.modules():
        if isinstance(layer, nn.modules.batchnorm._BatchNorm):
            for tensor, low, high in (
                (layer.running_mean, -1.0, 1.0),
                (layer.running_var, 0.3, 3.0),
                (layer.weight, -1.5, 1.5),
                (layer.bias, -1.0, 1.0),
            ):
                if tensor is not None:
                    tensor.data.uniform_(low, high, generator=stream)
    return network.eval()


def norms(network: nn.Module) -> int:
    return sum(isinstance(layer, nn.modules.batchnorm._BatchNorm) for layer in network.modules())


@torch.inference_mode()
def assert_equal_outputs(network: nn.Module, other: nn.Module, *shape: int) -> None:
    images = torch.randn(4, *shape, generator=torch.Generator().manual_seed(1))
    expected = network(images)
    assert other(images).numpy() == pytest.approx(expected.numpy(), rel=1e-3, abs=1e-4 * float(expected.abs().max()))


@pytest.mark.parametrize("name", ["resnet18", "resnet50", "resnet20", "googlenet", "net", "lenet5"])
def test_a_network_of_the_zoo_gives_the_same_and_stays_as_it_was(name: str) -> None:
    network = lived(build(name, num_classes=7, in_channels=1 if name == "lenet5" else 3))
    before = copy.deepcopy(network.state_dict())
    other = folded(network)
    side = {"lenet5": 32, "net": 32, "resnet20": 32}.get(name, 96)
    assert_equal_outputs(network, other, 1 if name == "lenet5" else 3, side, side)
    after = network.state_dict()
    assert list(after) == list(before)
    assert all(torch.equal(after[key], before[key]) for key in before)
    assert norms(other) == 0


@settings(max_examples=25, deadline=None)
@given(
    channels=st.integers(1, 4),
    groups=st.sampled_from([1, 2]),
    bias=st.booleans(),
    affine=st.booleans(),
    eps=st.sampled_from([1e-5, 1e-3, 0.1]),
    padding_mode=st.sampled_from(["zeros", "reflect", "circular"]),
    dims=st.integers(1, 3),
)
def test_any_convolution_and_norm(
    channels: int, groups: int, bias: bool, affine: bool, eps: float, padding_mode: str, dims: int
) -> None:
    convolution: Any = (nn.Conv1d, nn.Conv2d, nn.Conv3d)[dims - 1]
    norm: Any = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)[dims - 1]
    if padding_mode == "reflect" and dims == 3:
        padding_mode = "replicate"
    layers = (
        convolution(2 * channels, 2 * channels, 3, padding=1, groups=groups, bias=bias, padding_mode=padding_mode),
        norm(2 * channels, eps=eps, affine=affine),
    )
    network = lived(nn.Sequential(*layers, nn.ReLU()))
    other = folded(network)
    assert norms(other) == 0
    assert_equal_outputs(network, other, 2 * channels, *(5,) * dims)


class Twice(nn.Module):
    """One convolution before two norms: it cannot hold both."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(3, 3, 3, padding=1)
        self.first, self.second = nn.BatchNorm2d(3), nn.BatchNorm2d(3)

    def forward(self, images: Tensor) -> Tensor:
        once: Tensor = self.first(self.convolution(images))
        twice: Tensor = self.second(self.convolution(once))
        return once + twice


class Read(nn.Module):
    """The output before the norm is read, too."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution, self.norm = nn.Conv2d(3, 3, 3), nn.BatchNorm2d(3)

    def forward(self, images: Tensor) -> Tensor:
        before: Tensor = self.convolution(images)
        after: Tensor = self.norm(before)
        return before + after


class Tied(nn.Module):
    """Two convolutions of one weight."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.norm = nn.Conv2d(3, 3, 3), nn.BatchNorm2d(3)
        self.second = nn.Conv2d(3, 3, 3)
        self.second.weight = self.first.weight

    def forward(self, images: Tensor) -> Tensor:
        out: Tensor = self.second(self.norm(self.first(images)))
        return out


class Penalized(nn.Module):
    """The weight is read outside of its layer."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution, self.norm = nn.Conv2d(3, 3, 3), nn.BatchNorm2d(3)

    def forward(self, images: Tensor) -> Tensor:
        out: Tensor = self.norm(self.convolution(images))
        size: Tensor = torch.linalg.vector_norm(self.convolution.weight)
        return out * size


class Branching(nn.Module):
    """What it does depends on its input: torch.fx cannot follow."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(3, 3, 3), nn.BatchNorm2d(3))

    def forward(self, images: Tensor) -> Tensor:
        out: Tensor = self.layers(images)
        return out if out.mean() > 0 else -out


def counting() -> nn.Module:
    network = nn.Sequential(nn.Conv2d(3, 3, 3), nn.BatchNorm2d(3))
    network[0].register_forward_hook(lambda layer, inputs, output: output * 2)
    return network


def without_statistics() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 3, 3), nn.BatchNorm2d(3, track_running_stats=False))


def normalized_weights() -> nn.Module:
    return nn.Sequential(weight_norm(nn.Conv2d(3, 3, 3)), nn.BatchNorm2d(3))


@pytest.mark.parametrize(
    "make", [Twice, Read, Tied, Penalized, Branching, counting, without_statistics, normalized_weights]
)
def test_what_cannot_be_folded_is_left(make: Callable[[], nn.Module]) -> None:
    network = lived(make())
    other = folded(network)
    assert norms(other) == norms(network)
    assert_equal_outputs(network, other, 3, 8, 8)


def test_many_images_are_answered_by_the_folded_network(monkeypatch: pytest.MonkeyPatch) -> None:
    network = lived(nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten()))
    network.train()
    pixels = torch.randint(0, 256, (FAST_FROM, 1, 4, 4), dtype=torch.uint8)
    images = ResidentImages(pixels, torch.zeros(FAST_FROM, dtype=torch.int64), (0.5,), (0.2,))
    answering: list[int] = []

    def noticed(fast: nn.Module, example: Tensor) -> nn.Module:
        assert torch.equal(example, next(images.batches(EXAMPLES))[0])
        answering.append(norms(fast))
        return fast

    monkeypatch.setattr(prediction, "blocked", noticed)
    monkeypatch.setattr(prediction, "FAST_FROM_MACS", 1)
    assert predict(network, images).numpy() == pytest.approx(logits(network, images).numpy(), abs=1e-5)
    assert answering == [0]
    few = ResidentImages(pixels[1:], images.labels[1:], (0.5,), (0.2,))
    assert torch.equal(predict(network, few), logits(network, few))
    monkeypatch.setattr(prediction, "FAST_FROM_MACS", prediction.macs(network, pixels[:1].float()) + 1)
    assert torch.equal(predict(network, images), logits(network, images))
    assert answering == [0]
    assert network.training
