"""oneDNN's layout: the same outputs, from another network or the network itself."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from convstudy.inference import ResidentImages, predict, prediction
from convstudy.inference.batch_norm import folded
from convstudy.inference.blocked import blocked
from convstudy.inference.prediction import FAST_FROM, logits
from convstudy.zoo import build
from tests.inference.test_batch_norm import Branching, Read, Twice, lived

HAS_ONEDNN = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
needs_onednn = pytest.mark.skipif(not HAS_ONEDNN, reason="this torch is built without oneDNN")
SIDES = {"net": 32, "resnet20": 32, "plain20": 32}


@needs_onednn
@pytest.mark.parametrize("name", ["resnet18", "resnet50", "resnet20", "plain20", "googlenet", "net", "alexnet"])
def test_a_network_of_the_zoo_answers_the_same_and_stays_as_it_was(name: str) -> None:
    network = folded(lived(build(name, num_classes=7, in_channels=3)))
    before = copy.deepcopy(network.state_dict())
    side = SIDES.get(name, 96)
    images = torch.randn(6, 3, side, side, generator=torch.Generator().manual_seed(1))
    other = blocked(network, images[:2])
    assert other is not network
    with torch.inference_mode():
        expected = network(images)
        assert other(images).numpy() == pytest.approx(expected.numpy(), rel=0, abs=1e-4 * float(expected.abs().max()))
    assert all(torch.equal(after, before[key]) for key, after in network.state_dict().items())
    assert not any(isinstance(layer, torch.jit.ScriptModule) for layer in network.modules())


class ByItsSize(nn.Module):
    """What it does depends on the batch: right for the example alone, if it were traced with it."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(3, 3, 3), nn.ReLU(), nn.Conv2d(3, 3, 3))

    def forward(self, images: Tensor) -> Tensor:
        out: Tensor = self.layers(images)
        return out * len(images)


class Overwriting(nn.Module):
    """What oneDNN computes in a tensor of its own is changed in place: the outputs differ."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(3, 3, 3), nn.Conv2d(3, 3, 3)

    def forward(self, images: Tensor) -> Tensor:
        before: Tensor = self.first(images)
        torch.relu_(before)
        after: Tensor = self.second(before)
        return after


def in_double() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 3, 3), nn.Conv2d(3, 3, 3)).double()


@needs_onednn
@pytest.mark.parametrize("make", [Twice, Read, Branching, ByItsSize, Overwriting, in_double])
def test_what_cannot_be_converted_still_answers_the_same(
    make: Callable[[], nn.Module], capfd: pytest.CaptureFixture[str]
) -> None:
    network = lived(make())
    images = torch.randn(5, 3, 9, 9, dtype=next(network.parameters()).dtype)
    other = blocked(network, images[:2])
    with torch.inference_mode():
        assert other(images).numpy() == pytest.approx(network(images).numpy(), abs=1e-4)
    assert capfd.readouterr() == ("", "")


def test_a_network_that_answers_otherwise_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    network = nn.Sequential(nn.Conv2d(3, 3, 3), nn.Conv2d(3, 3, 3)).eval()
    wrong = "convstudy.inference.blocked.optimize_for_inference"
    monkeypatch.setattr(wrong, lambda *_: nn.Sequential(network, nn.Threshold(0.0, 0.0)))
    assert blocked(network, torch.randn(2, 3, 9, 9)) is network


@needs_onednn
def test_many_images_are_answered_in_the_layout_of_onednn(monkeypatch: pytest.MonkeyPatch) -> None:
    network = lived(build("net", num_classes=10, in_channels=3)).train()
    pixels = torch.randint(0, 256, (FAST_FROM, 3, 32, 32), dtype=torch.uint8)
    images = ResidentImages(pixels, torch.zeros(FAST_FROM, dtype=torch.int64), (0.5,) * 3, (0.2,) * 3)
    expected = logits(network, images)
    forward = nn.Conv2d.forward
    called: list[int] = []

    def noticed(layer: nn.Conv2d, batch: Tensor) -> Tensor:
        called.append(len(batch))
        return forward(layer, batch)

    monkeypatch.setattr(nn.Conv2d, "forward", noticed)
    assert torch.equal(predict(network, images), expected)  # too small to gain from another layout
    called.clear()
    monkeypatch.setattr(prediction, "FAST_FROM_MACS", 1)
    assert predict(network, images).numpy() == pytest.approx(expected.numpy(), abs=1e-4)
    assert called == [1, 1, 2, 2]  # torch's own convolutions answered the examples, and nothing else
    assert network.training
