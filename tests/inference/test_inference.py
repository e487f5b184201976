"""What a network answers."""

from __future__ import annotations

import torch
from torch import nn

from convstudy.inference import ResidentImages, predict

IMAGES = ResidentImages(
    torch.randint(0, 256, (10, 3, 6, 6), generator=torch.Generator().manual_seed(0), dtype=torch.uint8),
    torch.arange(10) % 2,
    (0.5, 0.4, 0.3),
    (0.2, 0.1, 0.0),
)


def test_normalization_is_torchvision_s() -> None:
    from torchvision.transforms.v2 import functional as tv  # noqa: PLC0415

    ours = IMAGES.normalized(IMAGES.images)
    theirs = tv.normalize(IMAGES.images / 255, [0.5, 0.4, 0.3], [0.2, 0.1, 1.0])  # a constant channel is only centred
    assert torch.allclose(ours, theirs, atol=1e-5)


def test_logits_do_not_depend_on_the_batch_size_and_the_mode_is_kept() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Dropout(), nn.Flatten(), nn.Linear(64, 2))
    network.train()
    one, all_at_once = predict(network, IMAGES, batch_size=3), predict(network, IMAGES)
    assert torch.allclose(one, all_at_once, atol=1e-6)
    assert network.training
    assert one.shape == (10, 2)
    assert torch.equal(network[1].running_mean, torch.zeros(4))  # type: ignore[arg-type]
