"""Small networks that counters get wrong, as their users write them."""

from __future__ import annotations

from collections.abc import Callable

import torchvision
from torch import Tensor, nn


class Calls(nn.Module):
    """A network that is one function of its input and of a weight."""

    def __init__(self, function: Callable[[Tensor, Tensor], Tensor], weight: Tensor) -> None:
        super().__init__()
        self.function = function
        self.weight = nn.Parameter(weight)

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x, self.weight)


class Recurrent(nn.Module):
    """The output of an LSTM, without its state."""

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
    """One convolution, and much that multiplies nothing."""
    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.AvgPool2d(2), nn.Softmax(1)).eval()


def tied() -> nn.Module:
    """Two dense layers with one weight, each with a bias of its own."""
    first, second = nn.Linear(8, 8), nn.Linear(8, 8)
    second.weight = first.weight
    return nn.Sequential(first, nn.ReLU(), second)


def reused() -> nn.Module:
    """A convolution that is called twice."""
    layer = nn.Conv2d(3, 3, 3, padding=1)
    return nn.Sequential(layer, nn.ReLU(), layer)


def in_training() -> nn.Module:
    """A network in training, whose batch norm has statistics to lose."""
    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Dropout(0.5)).train()
