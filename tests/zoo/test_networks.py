"""Each network against its paper or against torchvision."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
import torchvision
from torch import Tensor, nn

from convstudy.zoo import build
from convstudy.zoo.lenet5 import S2_MAPS_OF_C3, class_codes


def count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters() if parameter.requires_grad)


@pytest.mark.parametrize(("name", "published"), [("resnet18", 11_689_512), ("resnet34", 21_797_672)])
def test_resnet_has_torchvision_s_keys_and_logits(name: str, published: int) -> None:
    torch.manual_seed(0)
    theirs = torchvision.models.get_model(name, weights=None).eval()
    for module in theirs.modules():
        if isinstance(module, nn.BatchNorm2d):  # statistics as after training, not zeros and ones
            module.running_mean = torch.randn_like(module.weight) / 10
            module.running_var = torch.rand_like(module.weight) + 0.5
    ours = build(name, num_classes=1000, in_channels=3).eval()
    assert list(ours.state_dict()) == list(theirs.state_dict())
    ours.load_state_dict(theirs.state_dict())
    images = torch.randn(2, 3, 96, 96)
    with torch.inference_mode():
        assert torch.allclose(ours(images), theirs(images), atol=1e-5, rtol=0)
    assert count(ours) == published


def test_resnet_is_initialised_as_torchvision_s() -> None:
    torch.manual_seed(0)
    ours = build("resnet18", num_classes=1000, in_channels=3)
    theirs = torchvision.models.resnet18()
    for (key, mine), other in zip(ours.state_dict().items(), theirs.state_dict().values(), strict=True):
        assert mine.float().std(unbiased=False) == pytest.approx(float(other.float().std(unbiased=False)), rel=0.05), (
            key
        )


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
    assert torch.equal(logits, -torch.cdist(codes, codes).square().round() / 2)
    assert len(class_codes(40).unique(dim=0)) == 40
