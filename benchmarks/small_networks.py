"""Five networks for 32x32 images that train in seconds, beside the zoo's `net`, `lenet5` and `lecture`."""

from __future__ import annotations

from torch import nn


def linear(num_classes: int, in_channels: int) -> nn.Sequential:
    """Build a linear classifier of the pixels."""
    return nn.Sequential(nn.Flatten(), nn.Linear(in_channels * 32 * 32, num_classes))


def perceptron(num_classes: int, in_channels: int) -> nn.Sequential:
    """Build a multilayer perceptron with one hidden layer."""
    return nn.Sequential(nn.Flatten(), nn.Linear(in_channels * 32 * 32, 32), nn.ReLU(), nn.Linear(32, num_classes))


def one_convolution(num_classes: int, in_channels: int) -> nn.Sequential:
    """Build a single convolution with pooling, and a linear classifier."""
    return nn.Sequential(
        nn.Conv2d(in_channels, 8, 5),  # 8 x 28 x 28
        nn.ReLU(),
        nn.MaxPool2d(4),  # 8 x 7 x 7
        nn.Flatten(),
        nn.Linear(8 * 7 * 7, num_classes),
    )


def narrow(num_classes: int, in_channels: int) -> nn.Sequential:
    """Build the tutorial's `net` with half of its channels."""
    return tutorial(num_classes, in_channels, (3, 8), nn.MaxPool2d(2))


def averaged(num_classes: int, in_channels: int) -> nn.Sequential:
    """Build the tutorial's `net` with average pooling."""
    return tutorial(num_classes, in_channels, (6, 16), nn.AvgPool2d(2))


def tutorial(num_classes: int, in_channels: int, channels: tuple[int, int], pool: nn.Module) -> nn.Sequential:
    first, second = channels
    return nn.Sequential(
        nn.Conv2d(in_channels, first, 5),  # 28 x 28
        nn.ReLU(),
        pool,  # 14 x 14
        nn.Conv2d(first, second, 5),  # 10 x 10
        nn.ReLU(),
        pool,  # 5 x 5
        nn.Flatten(),
        nn.Linear(second * 5 * 5, 120),
        nn.ReLU(),
        nn.Linear(120, 84),
        nn.ReLU(),
        nn.Linear(84, num_classes),
    )
