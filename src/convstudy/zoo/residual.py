"""The building blocks of He et al. 2015: a plain pair of convolutions, and the same with a shortcut."""

from __future__ import annotations

from collections.abc import Callable

import torch.nn.functional as F
from torch import Tensor, nn

Block = Callable[[int, int, int], nn.Module]  # input channels, output channels, stride
Shortcut = Callable[[int, int, int], nn.Module]  # the same


def projection(in_channels: int, channels: int, stride: int) -> nn.Sequential:
    """Build a shortcut of option B: a 1x1 convolution that matches the dimensions (equation 2)."""
    return nn.Sequential(nn.Conv2d(in_channels, channels, 1, stride, bias=False), nn.BatchNorm2d(channels))


class ZeroPadding(nn.Module):
    """A shortcut of option A: the identity, with zeros for the added channels and no parameters (section 3.3)."""

    def __init__(self, in_channels: int, channels: int, stride: int) -> None:
        super().__init__()
        self.added_channels, self.stride = channels - in_channels, stride

    def forward(self, x: Tensor) -> Tensor:
        """Map N x C x H x W to N x C' x H/stride x W/stride."""
        return F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.added_channels))


class PlainBlock(nn.Module):
    """Two 3x3 convolutions, each followed by batch normalization and a ReLU (Figure 3, middle)."""

    def __init__(self, in_channels: int, channels: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, channels, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)

    def body(self, x: Tensor) -> Tensor:
        """Return the output before the last ReLU."""
        out: Tensor = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return out

    def forward(self, x: Tensor) -> Tensor:
        """Map N x C x H x W to N x C' x H/stride x W/stride."""
        return F.relu(self.body(x))


class BasicBlock(PlainBlock):
    """The plain block with a shortcut (Figure 5, left): the identity, or `shortcut` if the shape changes."""

    def __init__(self, in_channels: int, channels: int, stride: int, shortcut: Shortcut = projection) -> None:
        super().__init__(in_channels, channels, stride)
        changes = stride != 1 or in_channels != channels
        self.downsample = shortcut(in_channels, channels, stride) if changes else None

    def forward(self, x: Tensor) -> Tensor:
        """Compute y = relu(F(x) + x), equations 1 and 2: N x C x H x W to N x C' x H/stride x W/stride."""
        return F.relu(self.body(x) + (x if self.downsample is None else self.downsample(x)))


class PaddedBlock(BasicBlock):
    """The basic block with shortcuts of option A, as in the paper's networks for CIFAR-10."""

    def __init__(self, in_channels: int, channels: int, stride: int) -> None:
        super().__init__(in_channels, channels, stride, ZeroPadding)


class BottleneckBlock(nn.Module):
    """1x1, 3x3 and 1x1 convolutions with a shortcut (Figure 5, right); the 3x3 has a quarter of the channels.

    The stride is on the 3x3 convolution, as in torchvision; `reducing_stride` is the part of the first 1x1 convolution.
    """

    def __init__(self, in_channels: int, channels: int, stride: int, reducing_stride: int = 1) -> None:
        super().__init__()
        width = channels // 4
        self.conv1 = nn.Conv2d(in_channels, width, 1, reducing_stride, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride // reducing_stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, channels, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(channels)
        changes = stride != 1 or in_channels != channels
        self.downsample = projection(in_channels, channels, stride) if changes else None

    def forward(self, x: Tensor) -> Tensor:
        """Map N x C x H x W to N x C' x H/stride x W/stride."""
        shortcut = x if self.downsample is None else self.downsample(x)
        inner = F.relu(self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x))))))
        return F.relu(self.bn3(self.conv3(inner)) + shortcut)


class BottleneckBlockV1(BottleneckBlock):
    """The bottleneck block of the paper: the first 1x1 convolution has the stride (section 4.1, Table 1)."""

    def __init__(self, in_channels: int, channels: int, stride: int) -> None:
        super().__init__(in_channels, channels, stride, reducing_stride=stride)


def stage(block: Block, in_channels: int, channels: int, depth: int, stride: int) -> nn.Sequential:
    """Build a row of the paper's tables: `depth` blocks, of which the first changes the shape."""
    first = block(in_channels, channels, stride)
    return nn.Sequential(first, *(block(channels, channels, 1) for _ in range(depth - 1)))


def initialize(network: nn.Module) -> None:
    """Draw the convolutions from torch's global random state as in He et al. 2015b, by fan-out as in torchvision."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
