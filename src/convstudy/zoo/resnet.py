"""ResNet (He et al. 2015, Deep Residual Learning for Image Recognition), with torchvision's state keys and logits."""

from __future__ import annotations

from collections import OrderedDict

import torch.nn.functional as F
from torch import Tensor, nn

from convstudy.claims.claim import Claim
from convstudy.zoo.architecture import Architecture

STAGES = {"resnet18": (2, 2, 2, 2), "resnet34": (3, 4, 6, 3)}  # Table 1: blocks a stage
WIDTHS = (64, 128, 256, 512)


class BasicBlock(nn.Module):
    """Two 3x3 convolutions beside a shortcut (Figure 5, left); 1x1 projection where the shape changes (option B)."""

    def __init__(self, in_channels: int, channels: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, channels, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.downsample: nn.Module | None = None
        if stride != 1 or in_channels != channels:
            projection = nn.Conv2d(in_channels, channels, 1, stride, bias=False)
            self.downsample = nn.Sequential(projection, nn.BatchNorm2d(channels))

    def forward(self, x: Tensor) -> Tensor:
        """y = relu(F(x) + x), equations 1 and 2: N x C x H x W in, N x C' x H/stride x W/stride out."""
        shortcut = x if self.downsample is None else self.downsample(x)
        residual = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(residual + shortcut)


def stage(in_channels: int, channels: int, blocks: int, stride: int) -> nn.Sequential:
    """A row of Table 1: the first block changes the shape, the others keep it."""
    first = BasicBlock(in_channels, channels, stride)
    return nn.Sequential(first, *(BasicBlock(channels, channels, 1) for _ in range(blocks - 1)))


def resnet(name: str, num_classes: int, in_channels: int) -> nn.Sequential:
    """A column of Table 1; output shapes are for 3 x 224 x 224."""
    blocks = STAGES[name]
    network = nn.Sequential(
        OrderedDict(
            conv1=nn.Conv2d(in_channels, 64, 7, stride=2, padding=3, bias=False),  # 64 x 112 x 112
            bn1=nn.BatchNorm2d(64),
            relu=nn.ReLU(),
            maxpool=nn.MaxPool2d(3, stride=2, padding=1),  # 64 x 56 x 56
            layer1=stage(64, 64, blocks[0], stride=1),  # 64 x 56 x 56
            layer2=stage(64, 128, blocks[1], stride=2),  # 128 x 28 x 28
            layer3=stage(128, 256, blocks[2], stride=2),  # 256 x 14 x 14
            layer4=stage(256, 512, blocks[3], stride=2),  # 512 x 7 x 7
            avgpool=nn.AdaptiveAvgPool2d(1),  # 512 x 1 x 1
            flatten=nn.Flatten(),  # 512
            fc=nn.Linear(512, num_classes),  # classes
        )
    )
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")  # He et al. 2015b
    return network


def _architecture(name: str, parameters: str, macs: str) -> Architecture:
    return Architecture(
        name=name,
        layers=lambda num_classes, in_channels: resnet(name, num_classes, in_channels),
        title=f"residual network of {name.removeprefix('resnet')} layers, for photographs",
        source="He et al. 2015, Table 1",
        input_shape=(3, 224, 224),
        num_classes=1000,
        claims=(
            Claim("parameters", parameters, "torchvision, weight metadata num_params"),
            Claim("macs", macs, "He et al. 2015, Table 1, FLOPs (multiply-adds)"),
        ),
        departures=("convolutions are initialised by fan-out, as torchvision's are; the paper does not say",),
    )


NETWORKS = (_architecture("resnet18", "11,689,512", "1.8e9"), _architecture("resnet34", "21,797,672", "3.6e9"))
