"""ResNet (He et al. 2015, Deep Residual Learning for Image Recognition), with torchvision's state keys and logits."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from torch import nn

from convstudy.claims.claim import Claim
from convstudy.zoo.architecture import Architecture
from convstudy.zoo.residual import BasicBlock, Block, BottleneckBlock, BottleneckBlockV1, PlainBlock, initialize, stage

NARROW, WIDE = (64, 128, 256, 512), (256, 512, 1024, 2048)
TABLE_1 = "He et al. 2015, Table 1, FLOPs (multiply-adds)"
TORCHVISION = "torchvision, weight metadata"
PLAIN = "the residual twin's less its three projections: 8,448 + 33,280 + 132,096"


@dataclass(frozen=True)
class Variant:
    """A column of Table 1: its block, the output channels and blocks of each stage, and its claimed counts."""

    block: Block
    widths: tuple[int, int, int, int]
    depths: tuple[int, int, int, int]
    claims: tuple[Claim, ...]


def claimed(parameters: str, counted: str, macs: str, source: str) -> tuple[Claim, ...]:
    return Claim("parameters", parameters, counted), Claim("macs", macs, source)


VARIANTS = {
    "resnet18": Variant(BasicBlock, NARROW, (2, 2, 2, 2), claimed("11,689,512", TORCHVISION, "1.8e9", TABLE_1)),
    "resnet34": Variant(BasicBlock, NARROW, (3, 4, 6, 3), claimed("21,797,672", TORCHVISION, "3.6e9", TABLE_1)),
    "resnet50": Variant(
        BottleneckBlock, WIDE, (3, 4, 6, 3), claimed("25,557,032", TORCHVISION, "4.089e9", TORCHVISION)
    ),
    "resnet101": Variant(
        BottleneckBlock, WIDE, (3, 4, 23, 3), claimed("44,549,160", TORCHVISION, "7.801e9", TORCHVISION)
    ),
    "resnet152": Variant(
        BottleneckBlock, WIDE, (3, 8, 36, 3), claimed("60,192,808", TORCHVISION, "11.514e9", TORCHVISION)
    ),
    "resnet50-v1": Variant(BottleneckBlockV1, WIDE, (3, 4, 6, 3), claimed("25,557,032", TORCHVISION, "3.8e9", TABLE_1)),
    "resnet101-v1": Variant(
        BottleneckBlockV1, WIDE, (3, 4, 23, 3), claimed("44,549,160", TORCHVISION, "7.6e9", TABLE_1)
    ),
    "resnet152-v1": Variant(
        BottleneckBlockV1, WIDE, (3, 8, 36, 3), claimed("60,192,808", TORCHVISION, "11.3e9", TABLE_1)
    ),
    "plain18": Variant(PlainBlock, NARROW, (2, 2, 2, 2), (Claim("parameters", "11,515,688", PLAIN),)),
    "plain34": Variant(
        PlainBlock, NARROW, (3, 4, 6, 3), claimed("21,623,848", PLAIN, "3.6e9", "He et al. 2015, section 3.3")
    ),
}


def resnet(variant: Variant, num_classes: int, in_channels: int) -> nn.Sequential:
    """Build a column of Table 1; shapes are for 3 x 224 x 224, bottleneck blocks have four times the channels."""
    block, widths, depths = variant.block, variant.widths, variant.depths
    network = nn.Sequential(
        OrderedDict(
            conv1=nn.Conv2d(in_channels, 64, 7, stride=2, padding=3, bias=False),  # 64 x 112 x 112
            bn1=nn.BatchNorm2d(64),
            relu=nn.ReLU(),
            maxpool=nn.MaxPool2d(3, stride=2, padding=1),  # 64 x 56 x 56
            layer1=stage(block, 64, widths[0], depths[0], stride=1),  # 64 x 56 x 56
            layer2=stage(block, widths[0], widths[1], depths[1], stride=2),  # 128 x 28 x 28
            layer3=stage(block, widths[1], widths[2], depths[2], stride=2),  # 256 x 14 x 14
            layer4=stage(block, widths[2], widths[3], depths[3], stride=2),  # 512 x 7 x 7
            avgpool=nn.AdaptiveAvgPool2d(1),  # 512 x 1 x 1
            flatten=nn.Flatten(),  # 512
            fc=nn.Linear(widths[3], num_classes),  # classes
        )
    )
    initialize(network)
    return network


FAN_OUT = "convolutions are initialized by fan-out, as in torchvision; the paper does not specify it"
DEPARTURES: dict[Callable[[int, int, int], nn.Module], tuple[str, ...]] = {
    BottleneckBlock: (FAN_OUT, "a stage's stride is on its 3x3 convolution, as in torchvision; in the paper on the 1x1")
}


def _architecture(name: str, variant: Variant) -> Architecture:
    kind = "plain network" if variant.block is PlainBlock else "residual network"
    depth = name.removesuffix("-v1").removeprefix("resnet").removeprefix("plain")
    return Architecture(
        name=name,
        layers=partial(resnet, variant),
        title=f"{kind} of {depth} layers" + (", strides as printed" if name.endswith("-v1") else ""),
        source="He et al. 2015, Table 1",
        input_shape=(3, 224, 224),
        num_classes=1000,
        claims=variant.claims,
        departures=DEPARTURES.get(variant.block, (FAN_OUT,)),
        torchvision=name if variant.block in (BasicBlock, BottleneckBlock) else None,
    )


NETWORKS = tuple(_architecture(name, variant) for name, variant in VARIANTS.items())
