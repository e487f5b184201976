"""Small networks for which counting tools report wrong numbers."""

from __future__ import annotations

from collections.abc import Callable

import torchvision
from torch import Tensor, nn


class Calls(nn.Module):
    """A network that applies one function to its input and a weight."""

    def __init__(self, function: Callable[[Tensor, Tensor], Tensor], weight: Tensor) -> None:
        super().__init__()
        self.function = function
        self.weight = nn.Parameter(weight)

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x, self.weight)


class Recurrent(nn.Module):
    """An LSTM that returns its output without its state."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(5, 7, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        output: Tensor = self.lstm(x)[0]
        return output


class Deformable(nn.Module):
    """A deformable convolution with its offsets."""

    def __init__(self) -> None:
        super().__init__()
        self.offsets = nn.Conv2d(3, 18, 3)
        self.shifted = torchvision.ops.DeformConv2d(3, 8, 3)

    def forward(self, x: Tensor) -> Tensor:
        output: Tensor = self.shifted(x, self.offsets(x))
        return output


def beside_products() -> nn.Module:
    """Return a network with one convolution and layers without multiplications of weights."""
    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.AvgPool2d(2), nn.Softmax(1)).eval()


def tied() -> nn.Module:
    """Return two dense layers that share a weight and have separate biases."""
    first, second = nn.Linear(8, 8), nn.Linear(8, 8)
    second.weight = first.weight
    return nn.Sequential(first, nn.ReLU(), second)


def reused() -> nn.Module:
    """Return a network that calls one convolution twice."""
    layer = nn.Conv2d(3, 3, 3, padding=1)
    return nn.Sequential(layer, nn.ReLU(), layer)


def in_training() -> nn.Module:
    """Return a network in training mode, whose batch-normalization statistics counting could change."""
    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Dropout(0.5)).train()
