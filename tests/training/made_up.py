"""Images and networks that train in a blink."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from convstudy.inference import ResidentImages


def images(count: int, side: int = 8, channels: int = 1, classes: int = 2, contrast: int = 100) -> ResidentImages:
    """Images of classes that differ in brightness."""
    stream = torch.Generator().manual_seed(0)
    labels = torch.arange(count) % classes
    pixels = torch.randint(0, 100, (count, channels, side, side), generator=stream, dtype=torch.uint8)
    pixels += (labels * (contrast // (classes - 1))).to(torch.uint8).view(-1, 1, 1, 1)
    return ResidentImages(pixels, labels, (0.4,) * channels, (0.2,) * channels)


def network(seed: int = 0, channels: int = 1) -> nn.Sequential:
    """For 8x8 images: batch normalization and dropout, so that running statistics and random state matter."""
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Conv2d(channels, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Dropout(0.2), nn.Flatten(), nn.Linear(4 * 36, 2)
    )


def plain_network(seed: int = 0, classes: int = 2) -> nn.Sequential:
    """For 8x8 images: no norm and no dropout, so that a batch's parts add up to the batch."""
    torch.manual_seed(seed)
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 36, classes))


def weights(trained: nn.Module) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in trained.state_dict().items()}


def same(a: dict[str, Tensor], b: dict[str, Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def close(a: dict[str, Tensor], b: dict[str, Tensor], tolerance: float = 1e-5) -> bool:
    return a.keys() == b.keys() and all(torch.allclose(a[name], b[name], atol=tolerance) for name in a)
