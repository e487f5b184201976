"""The residual and plain networks for CIFAR-10 (He et al. 2015, section 4.2): 6n + 2 layers, shortcuts of option A."""

from __future__ import annotations

from collections import OrderedDict
from functools import partial

from torch import nn

from convstudy.claims.claim import Claim
from convstudy.zoo.architecture import Architecture
from convstudy.zoo.residual import Block, PaddedBlock, PlainBlock, initialize, stage

DEPTHS = {20: 3, 32: 5, 44: 7, 56: 9, 110: 18}  # layers, and n: the blocks of each stage
PARAMETERS = {20: "0.27M", 32: "0.46M", 44: "0.66M", 56: "0.85M", 110: "1.7M"}  # Table 6


def resnet_cifar(block: Block, depth: int, num_classes: int, in_channels: int) -> nn.Sequential:
    """Build the table of section 4.2; output shapes are for 3 x 32 x 32."""
    network = nn.Sequential(
        OrderedDict(
            conv1=nn.Conv2d(in_channels, 16, 3, padding=1, bias=False),  # 16 x 32 x 32
            bn1=nn.BatchNorm2d(16),
            relu=nn.ReLU(),
            layer1=stage(block, 16, 16, depth, stride=1),  # 16 x 32 x 32
            layer2=stage(block, 16, 32, depth, stride=2),  # 32 x 16 x 16
            layer3=stage(block, 32, 64, depth, stride=2),  # 64 x 8 x 8
            avgpool=nn.AdaptiveAvgPool2d(1),  # 64 x 1 x 1
            flatten=nn.Flatten(),  # 64
            fc=nn.Linear(64, num_classes),  # classes
        )
    )
    initialize(network)
    return network


def _architecture(kind: str, block: Block, layers: int) -> Architecture:
    return Architecture(
        name=f"{kind}{layers}",
        layers=partial(resnet_cifar, block, DEPTHS[layers]),
        title=f"{'residual' if kind == 'resnet' else 'plain'} network of {layers} layers",
        source="He et al. 2015, section 4.2",
        input_shape=(3, 32, 32),
        num_classes=10,
        claims=(Claim("parameters", PARAMETERS[layers], "He et al. 2015, Table 6"),),
        departures=("convolutions are initialized by fan-out; the paper leaves the choice open",),
    )


NETWORKS = tuple(
    _architecture(kind, block, layers)
    for kind, block in (("resnet", PaddedBlock), ("plain", PlainBlock))
    for layers in DEPTHS
)
