"""What every network of the zoo promises."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from convstudy.errors import ShapeError, UnknownNameError
from convstudy.zoo import ARCHITECTURES, build
from convstudy.zoo.registry import architecture

# Of each family, those that are quick to draw and to train a step; the others differ from them in a table's line only.
LIGHT = (
    "lecture",
    "net",
    "lenet5",
    "googlenet",
    "resnet18",
    "resnet50",
    "resnet50-v1",
    "plain18",
    "resnet20",
    "plain56",
)


def side(name: str) -> int:
    """A small side that works in training."""
    return ARCHITECTURES[name].fixed_side or max(ARCHITECTURES[name].smallest_side, 32)


@pytest.mark.parametrize(
    ("name", "classes", "channels"),
    [*((name, 12, 4) for name in ARCHITECTURES), *((name, 10, 1) for name in LIGHT), *((name, 3, 3) for name in LIGHT)],
)
def test_takes_any_number_of_classes_and_channels(name: str, classes: int, channels: int) -> None:
    with torch.device("meta"):
        network = build(name, num_classes=classes, in_channels=channels).eval()
        assert network(torch.zeros(2, channels, side(name), side(name))).shape == (2, classes)


def outputs(network: nn.Module, images: Tensor) -> tuple[Tensor, ...]:
    """The logits, and those of the side branches where there are any."""
    output = network(images)
    return output if isinstance(output, tuple) else (output,)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_backward_reaches_every_parameter(name: str) -> None:
    with torch.device("meta"):
        network = build(name, num_classes=4, in_channels=3)
        torch.stack(outputs(network, torch.zeros(2, 3, side(name), side(name)))).sum().backward()  # type: ignore[no-untyped-call]
    assert [key for key, parameter in network.named_parameters() if parameter.grad is None] == []


@pytest.mark.parametrize("name", LIGHT)
def test_the_gradient_of_no_parameter_is_zero(name: str) -> None:
    torch.manual_seed(0)
    network = build(name, num_classes=4, in_channels=3)
    images = torch.randn(4, 3, side(name), side(name))
    labels = torch.tensor([0, 1, 2, 3])
    losses = [nn.functional.cross_entropy(logits, labels) for logits in outputs(network, images)]
    torch.stack(losses).sum().backward()  # type: ignore[no-untyped-call]
    unreached = [key for key, p in network.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    assert unreached == []


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_the_smallest_side_works_in_both_modes_and_a_smaller_one_is_refused(name: str) -> None:
    known = architecture(name)
    with torch.device("meta"):
        network = known.build(num_classes=10, in_channels=3)
        smallest = known.fixed_side or known.smallest_side
        assert outputs(network.train(), torch.zeros(2, 3, smallest, smallest))[0].shape == (2, 10)
        assert network.eval()(torch.zeros(1, 3, smallest, smallest)).shape == (1, 10)
        with pytest.raises(
            ShapeError, match=f"^{name} got an input of 3x{smallest - 1}x{smallest - 1}; expected 3x{smallest}x"
        ):
            network(torch.zeros(1, 3, smallest - 1, smallest - 1))
        with pytest.raises(ShapeError, match=f"^{name} got an input of 1x{smallest}x{smallest}; expected 3x"):
            network(torch.zeros(1, 1, smallest, smallest))


@pytest.mark.parametrize("name", [name for name, known in ARCHITECTURES.items() if known.smallest_side > 1])
def test_no_smaller_side_would_work(name: str) -> None:
    known = architecture(name)
    with torch.device("meta"):
        unchecked = known.layers(10, 3)
        with pytest.raises(RuntimeError):
            unchecked(torch.zeros(2, 3, known.smallest_side - 1, known.smallest_side - 1))


@pytest.mark.parametrize("name", LIGHT)
def test_the_seed_decides_the_initialisation_and_the_state_goes_there_and_back(name: str) -> None:
    def made(seed: int) -> nn.Module:
        torch.manual_seed(seed)
        return build(name, num_classes=5, in_channels=1).eval()

    one, same, other = made(0), made(0), made(1)
    images = torch.randn(2, 1, side(name), side(name))
    with torch.inference_mode():
        assert torch.equal(one(images), same(images))
        assert not torch.equal(one(images), other(images))
        other.load_state_dict(one.state_dict())
        assert torch.equal(one(images), other(images))


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match=r"^no network is named 'resnet3A'; did you mean 'resnet34'"):
        architecture("resnet3A")


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_names_and_sources_are_there(name: str) -> None:
    known = architecture(name)
    assert known.name == name
    assert known.title
    assert any(year in known.source for year in ("1998", "2012", "2014", "2015")) or name in {"net", "lecture"}
    assert known.source
