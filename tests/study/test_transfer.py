"""The head on features that are computed once, against the whole network with all else frozen."""

from __future__ import annotations

import copy

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from convstudy.inference import ResidentImages
from convstudy.study.runs.frozen_backbone import FrozenBackbone, unaugmented
from convstudy.training import Recipe, TrainingBatches, train
from convstudy.zoo import build

RECIPE = Recipe(epochs=3, batch_size=8, lr=0.05, warmup_epochs=0, crop_padding=0, label_smoothing=0, weight_decay=0.01)


def images(count: int, side: int) -> ResidentImages:
    stream = torch.Generator().manual_seed(0)
    labels = torch.arange(count) % 3
    pixels = torch.randint(0, 150, (count, 3, side, side), generator=stream, dtype=torch.uint8)
    pixels += (labels * 50).to(torch.uint8).view(-1, 1, 1, 1)
    return ResidentImages(pixels, labels, (0.4, 0.4, 0.4), (0.2, 0.2, 0.2))


@pytest.mark.parametrize(("name", "side", "head"), [("resnet20", 32, "fc"), ("net", 32, None), ("googlenet", 96, None)])
def test_the_head_learns_what_it_learns_in_the_whole_network(name: str, side: int, head: str | None) -> None:
    torch.manual_seed(1)
    network = build(name, num_classes=3, in_channels=3)
    whole = copy.deepcopy(network)
    backbone = FrozenBackbone.of(network, name, images(2, side), 3)
    features, validation = (backbone.features(images(count, side)) for count in (24, 6))
    train(backbone.trained, TrainingBatches(features, RECIPE, 0), validation)

    [path] = [path for path, layer in network.named_modules() if layer is backbone.head]
    assert head is None or path == head
    own = whole.get_submodule(path)
    assert isinstance(own, nn.Linear)
    groups = [{"params": [own.weight], "weight_decay": 0.01}, {"params": [own.bias], "weight_decay": 0.0}]
    optimiser = torch.optim.SGD(groups, lr=0.05, momentum=0.9, nesterov=True)
    batches = TrainingBatches(images(24, side), RECIPE, 0)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, T_max=9)
    whole.eval()
    for epoch in (1, 2, 3):
        for batch, labels in batches.epoch(epoch):
            optimiser.zero_grad()
            F.cross_entropy(whole(batch), labels).backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            schedule.step()
    assert torch.allclose(own.weight, backbone.head.weight, atol=1e-4)
    assert torch.allclose(own.bias, backbone.head.bias, atol=1e-4)
    others = {key: value for key, value in network.state_dict().items() if not key.startswith(f"{path}.")}
    assert all(torch.equal(value, whole.state_dict()[key]) for key, value in others.items())


def test_features_are_computed_of_images_as_they_are() -> None:
    recipe = Recipe(epochs=3, augment="randaugment", erasing=0.2, mixup=0.2, cutmix=1.0)
    assert unaugmented(recipe) == Recipe(epochs=3, crop_padding=0.0, horizontal_flip=False)
