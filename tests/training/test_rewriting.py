"""Rewrites of training steps give the same bits as the network as it is written."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn
from torch.optim import SGD

from convstudy.analysis import unallocated
from convstudy.training.rewriting import order, rewritten
from convstudy.zoo import ARCHITECTURES

STEPS = 20
Shape = tuple[int, int, int]
REWRITTEN = {"lecture", "net", *(f"vgg{depth}{bn}" for depth in (11, 13, 16, 19) for bn in ("", "_bn"))}
TRAINED = ("net", "vgg11_bn")


def network_of(name: str) -> nn.Module:
    torch.manual_seed(0)
    return ARCHITECTURES[name].build(num_classes=3, in_channels=ARCHITECTURES[name].input_shape[0])


def weights_after(
    network: nn.Module, shape: tuple[int, int, int], steps: int, fmt: torch.memory_format
) -> list[Tensor]:
    """Train with dropout and batch normalization as they are; values in steps of 1/4 make ties within a window."""
    torch.manual_seed(1)
    network = network.train().to(memory_format=fmt)
    optimizer = SGD(network.parameters(), lr=0.01, momentum=0.9)
    for _ in range(steps):
        images = (torch.randn(2, *shape) * 4).round().div(4).to(memory_format=fmt)
        optimizer.zero_grad()
        output = network(images)
        logits = output[0] if isinstance(output, tuple) else output
        nn.functional.cross_entropy(logits, torch.tensor([0, 1])).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return [*network.state_dict().values()]


@pytest.mark.parametrize("fmt", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("name", TRAINED)
def test_the_weights_are_bit_equal(name: str, fmt: torch.memory_format) -> None:
    channels = ARCHITECTURES[name].input_shape[0]
    shape = (channels, 32, 32)
    steps = STEPS if name == "net" else 2
    network = network_of(name)
    expected = weights_after(copy.deepcopy(network), shape, steps, fmt)
    with rewritten(network):
        found = weights_after(network, shape, steps, fmt)
    assert all(torch.equal(one, other) for one, other in zip(found, expected, strict=True))


def test_networks_that_are_rewritten() -> None:
    def changes(network: nn.Module) -> bool:
        return any(order(each) != list(each._modules) for each in network.modules() if type(each) is nn.Sequential)

    with unallocated():
        found = {name for name in ARCHITECTURES if changes(network_of(name))}
    assert found == REWRITTEN


def test_nothing_of_the_network_changes_but_its_calls() -> None:
    network = network_of("net")
    before = str(network), list(network.state_dict()), [*vars(network)]
    with rewritten(network):
        assert (str(network), list(network.state_dict())) == before[:2]
        copied = copy.deepcopy(network)
    assert [*vars(network)] == before[2]
    images = torch.randn(2, 3, 32, 32)
    nn.init.ones_(copied.get_parameter("conv1.weight"))
    assert not torch.equal(copied(images), network(images))


def test_after_an_error_the_network_is_as_before() -> None:
    network = network_of("net")
    with pytest.raises(ValueError, match="stop"), rewritten(network):
        raise ValueError("stop")
    assert "forward" not in vars(network)


class Told(nn.Sequential):
    """A subclass, whose forward is its own."""


def relu_and_pool(kind: type[nn.Sequential] = nn.Sequential, **pool: bool) -> nn.Sequential:
    return kind(nn.ReLU(), nn.MaxPool2d(2, **pool))


def test_what_is_left_alone() -> None:
    seen = relu_and_pool()
    seen[0].register_forward_hook(lambda *_: None)
    overlapping = nn.Sequential(nn.ReLU(), nn.MaxPool2d(3, stride=2))
    for sequence in (
        seen,
        overlapping,
        relu_and_pool(Told),
        relu_and_pool(return_indices=True),
        nn.Sequential(nn.Tanh()),
    ):
        with rewritten(sequence):
            assert "forward" not in vars(sequence)
    for inexact in (nn.GELU(), nn.LeakyReLU(-1.0)):
        assert order(nn.Sequential(inexact, nn.MaxPool2d(2))) == ["0", "1"]


def test_a_rewrite_that_is_not_exact_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """With average pooling in place of max pooling the bits differ, and the comparison above sees it."""
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.AvgPool2d(2), nn.Flatten(), nn.Linear(18, 3))
    expected = weights_after(copy.deepcopy(network), (1, 8, 8), 2, torch.contiguous_format)
    monkeypatch.setattr(nn, "MaxPool2d", nn.AvgPool2d)
    for name, value in (("return_indices", False), ("dilation", 1)):
        monkeypatch.setattr(nn.AvgPool2d, name, value, raising=False)
    with rewritten(network):
        found = weights_after(network, (1, 8, 8), 2, torch.contiguous_format)
    assert not all(torch.equal(one, other) for one, other in zip(found, expected, strict=True))
