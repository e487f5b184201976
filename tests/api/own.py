"""A network of a user's own, for the tests of the Python interface."""

from __future__ import annotations

from torch import nn

CHANNELS = 4


def stem(in_channels: int) -> nn.Module:
    return nn.Conv2d(in_channels, CHANNELS, 3)


class Tiny(nn.Sequential):
    def __init__(self, num_classes: int, in_channels: int = 1) -> None:
        super().__init__(
            stem(in_channels), nn.ReLU(), nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(CHANNELS * 16, num_classes)
        )
