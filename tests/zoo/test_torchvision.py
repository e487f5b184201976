"""The residual networks and VGG against torchvision's: keys, logits, initialisation, published counts."""

from __future__ import annotations

import math

import pytest
import torch
import torchvision
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from convstudy.zoo import build
from convstudy.zoo.registry import architecture

RESNETS = ("resnet18", "resnet34", "resnet50", "resnet101", "resnet152")
VGGS = tuple(f"vgg{layers}{norm}" for layers in (11, 13, 16, 19) for norm in ("", "_bn"))


def their_network(name: str) -> nn.Module:
    """Torchvision's network with weights of the right size, which cost less to draw than its own."""
    with torch.device("meta"):
        network: nn.Module = torchvision.models.get_model(name, weights=None)
    generator = torch.Generator().manual_seed(0)
    state = {key: drawn(key, tensor, generator) for key, tensor in network.state_dict().items()}
    network.load_state_dict(state, assign=True)
    return network.eval()


def drawn(key: str, tensor: Tensor, generator: torch.Generator) -> Tensor:
    """Values as after training: statistics are not zeros and ones, and activations keep their size."""
    if tensor.ndim == 0:
        return torch.zeros((), dtype=torch.long)
    if tensor.ndim == 1:
        spread = torch.rand(tensor.shape, generator=generator)
        return spread + 0.5 if key.endswith(("var", "weight")) else spread / 10
    fan_in = math.prod(tensor.shape[1:])
    values: Tensor = torch.randn(min(tensor.numel(), 100_003), generator=generator) * (2 / fan_in) ** 0.5
    return values.repeat(-(-tensor.numel() // len(values)))[: tensor.numel()].reshape(tensor.shape)


@pytest.mark.parametrize("name", [*RESNETS, *VGGS])
def test_keys_and_logits_are_torchvision_s(name: str) -> None:
    theirs = their_network(name)
    with torch.device("meta"):
        ours = build(name, num_classes=1000, in_channels=3).eval()
    assert list(ours.state_dict()) == list(theirs.state_dict())
    ours.load_state_dict(theirs.state_dict(), assign=True)
    images = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        wanted = theirs(images)
        assert wanted.std() > 0.01
        assert torch.allclose(ours(images), wanted, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("name", [*RESNETS, *VGGS])
def test_what_is_claimed_of_torchvision_s_metadata_is_there(name: str) -> None:
    published = torchvision.models.get_model_weights(name).DEFAULT.meta
    claims = [claim for claim in architecture(name).claims if "torchvision" in claim.source]
    assert claims
    for claim in claims:
        wanted = published["num_params"] if claim.quantity == "parameters" else round(published["_ops"] * 1e9)
        assert claim.number.value == wanted


@pytest.mark.parametrize(
    ("name", "macs"),
    [
        ("resnet18", 1_814_073_344),
        ("resnet34", 3_663_761_408),
        ("resnet50", 4_089_184_256),
        ("resnet50-v1", 3_857_973_248),
        ("vgg16", 15_470_264_320),
    ],
)
def test_macs_are_the_published(name: str, macs: int) -> None:
    with torch.device("meta"), FlopCounterMode(display=False) as counter:
        build(name, num_classes=1000, in_channels=3).eval()(torch.zeros(1, 3, 224, 224))
    assert counter.get_total_flops() == 2 * macs


def test_resnet_is_initialised_as_torchvision_s() -> None:
    torch.manual_seed(0)
    ours = build("resnet18", num_classes=1000, in_channels=3)
    theirs = torchvision.models.resnet18()
    for (key, mine), other in zip(ours.state_dict().items(), theirs.state_dict().values(), strict=True):
        assert spread(mine) == pytest.approx(spread(other), rel=0.05), key


def test_vgg_s_convolutions_are_initialised_as_torchvision_s() -> None:
    """He's normal distribution by fan-out, biases zero."""
    torch.manual_seed(0)
    network = build("vgg11", num_classes=2, in_channels=3)
    for layer in network.get_submodule("features").children():
        if isinstance(layer, nn.Conv2d):
            assert spread(layer.weight) == pytest.approx((2 / (9 * layer.out_channels)) ** 0.5, rel=0.05)
            assert layer.bias is not None
            assert not layer.bias.any()
    assert spread(network.get_parameter("classifier.3.weight")) == pytest.approx(0.01, rel=0.01)


def spread(tensor: Tensor) -> float:
    return float(tensor.detach().float().std(unbiased=False))
