"""Plain networks and their residual twins: the zoo's, and stacks of the user's own."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from convstudy.errors import ModelError
from convstudy.zoo import build, plain_to_residual, residual_to_plain
from convstudy.zoo.residual import Shortcut, ZeroPadding, projection


def count(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def made(name: str) -> nn.Module:
    """A network with statistics as after training."""
    torch.manual_seed(0)
    network = build(name, num_classes=10, in_channels=3).eval()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            assert module.running_mean is not None
            module.running_mean.uniform_(-0.1, 0.1)
    return network


def logits(network: nn.Module) -> Tensor:
    with torch.inference_mode():
        out: Tensor = network(torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(1)))
        return out


@pytest.mark.parametrize(
    ("plain", "residual", "shortcut"),
    [("plain18", "resnet18", projection), ("plain34", "resnet34", projection), ("plain20", "resnet20", ZeroPadding)],
)
def test_the_twin_is_the_zoo_s(plain: str, residual: str, shortcut: Shortcut) -> None:
    before = made(plain)
    twin, ours = plain_to_residual(before, shortcut), made(residual)
    assert list(twin.state_dict()) == list(ours.state_dict())
    assert all(torch.equal(twin.state_dict()[key], value) for key, value in before.state_dict().items())
    ours.load_state_dict(twin.state_dict())
    assert torch.equal(logits(twin), logits(ours))


@pytest.mark.parametrize(("plain", "residual"), [("plain18", "resnet18"), ("plain56", "resnet56")])
def test_the_way_back_is_the_zoo_s_plain_network(plain: str, residual: str) -> None:
    before = made(residual)
    twin, ours = residual_to_plain(before), made(plain)
    assert list(twin.state_dict()) == list(ours.state_dict())
    ours.load_state_dict({key: value for key, value in before.state_dict().items() if "downsample" not in key})
    assert torch.equal(logits(twin), logits(ours))


@pytest.mark.parametrize(("plain", "published"), [("plain20", 272_474), ("plain56", 855_770)])
def test_option_b_has_its_published_parameters(plain: str, published: int) -> None:
    with torch.device("meta"):
        assert count(plain_to_residual(build(plain, num_classes=10, in_channels=3))) == published


@pytest.mark.parametrize("name", ["plain20", "vgg11", "vgg11_bn"])
def test_there_and_back_is_where_it_began(name: str) -> None:
    with torch.device("meta"):
        network = build(name, num_classes=10, in_channels=3)
    back = residual_to_plain(plain_to_residual(network))
    assert str(back) == str(network)
    assert list(back.state_dict()) == list(network.state_dict())


def stack() -> nn.Sequential:
    """Two convolutions that change the shape, a pooling, two that keep it, one without a partner."""
    torch.manual_seed(0)
    return nn.Sequential(
        *(nn.Conv2d(3, 8, 5, stride=2, padding=2), nn.BatchNorm2d(8), nn.ReLU()),
        *(nn.Conv2d(8, 8, 3, padding="same"), nn.BatchNorm2d(8), nn.ReLU()),
        nn.MaxPool2d(2),
        *(nn.Conv2d(8, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 8, 3, padding=2, dilation=2), nn.ReLU()),
        *(nn.Conv2d(8, 4, 1), nn.ReLU()),
    ).eval()


def test_a_stack_of_the_user_s_own_gets_shortcuts_around_every_two_convolutions() -> None:
    plain = stack()
    keys = list(plain.state_dict())
    twin = plain_to_residual(plain)
    x = torch.randn(2, 3, 32, 32)
    assert isinstance(twin, nn.Sequential)
    assert list(plain.state_dict()) == keys
    first, pool, *_ = twin.children()
    with torch.inference_mode():
        projected = first.get_submodule("shortcut")(x)
        halfway = torch.relu(plain[:5](x) + projected)
        assert torch.allclose(first(x), halfway)
        halfway = pool(halfway)
        halfway = torch.relu(plain[7:10](halfway) + halfway)
        assert torch.allclose(twin(x), torch.relu(plain[11](halfway)))
        assert torch.equal(residual_to_plain(twin)(x), plain(x))


@pytest.mark.parametrize("name", ["net", "lecture"])
def test_a_network_without_such_pairs_is_refused(name: str) -> None:
    network = build(name, num_classes=10, in_channels=3)
    with pytest.raises(ModelError, match=r"^Sequential has no two convolutions"):
        plain_to_residual(network)
    with pytest.raises(ModelError, match=r"^Sequential has no shortcut"):
        residual_to_plain(network)
