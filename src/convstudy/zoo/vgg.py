"""VGG (Simonyan & Zisserman 2014, Very Deep Convolutional Networks), with torchvision's state keys and logits."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from functools import partial

from torch import nn

from convstudy.claims.claim import Claim
from convstudy.zoo.architecture import Architecture

# Table 1: the channels of the 3x3 convolutions; M is max pooling, which halves the side.
A = "64 M 128 M 256 256 M 512 512 M 512 512 M"
B = "64 64 M 128 128 M 256 256 M 512 512 M 512 512 M"
D = "64 64 M 128 128 M 256 256 256 M 512 512 512 M 512 512 512 M"
E = "64 64 M 128 128 M 256 256 256 256 M 512 512 512 512 M 512 512 512 512 M"


def convolution(in_channels: int, channels: int) -> list[nn.Module]:
    return [nn.Conv2d(in_channels, channels, 3, padding=1), nn.ReLU()]


def normalized_convolution(in_channels: int, channels: int) -> list[nn.Module]:
    return [nn.Conv2d(in_channels, channels, 3, padding=1), nn.BatchNorm2d(channels), nn.ReLU()]


@dataclass(frozen=True)
class VGGConfiguration:
    """A column of Table 1: its letter, its layers, and the counts of Table 2 and of torchvision."""

    letter: str
    layers: str
    millions: str  # parameters as printed in Table 2
    parameters: str  # parameters as printed in torchvision's weight metadata
    macs: str


CONFIGURATIONS = {
    "vgg11": VGGConfiguration("A", A, "133M", "132,863,336", "7.609e9"),
    "vgg13": VGGConfiguration("B", B, "133M", "133,047,848", "11.308e9"),
    "vgg16": VGGConfiguration("D", D, "138M", "138,357,544", "15.470e9"),
    "vgg19": VGGConfiguration("E", E, "144M", "143,667,240", "19.632e9"),
    "vgg11_bn": VGGConfiguration("A", A, "133M", "132,868,840", "7.609e9"),
    "vgg13_bn": VGGConfiguration("B", B, "133M", "133,053,736", "11.308e9"),
    "vgg16_bn": VGGConfiguration("D", D, "138M", "138,365,992", "15.470e9"),
    "vgg19_bn": VGGConfiguration("E", E, "144M", "143,678,248", "19.632e9"),
}
CONVOLUTION = {name: normalized_convolution if name.endswith("_bn") else convolution for name in CONFIGURATIONS}


def features(name: str, in_channels: int) -> nn.Sequential:
    """Build the convolutions and poolings of a column."""
    layers: list[nn.Module] = []
    for entry in CONFIGURATIONS[name].layers.split():
        if entry == "M":
            layers.append(nn.MaxPool2d(2))
        else:
            layers += CONVOLUTION[name](in_channels, int(entry))
            in_channels = int(entry)
    return nn.Sequential(*layers)


def vgg(name: str, num_classes: int, in_channels: int) -> nn.Sequential:
    """Build a column of Table 1; output shapes are for 3 x 224 x 224."""
    network = nn.Sequential(
        OrderedDict(
            features=features(name, in_channels),  # 512 x 7 x 7
            avgpool=nn.AdaptiveAvgPool2d(7),  # 512 x 7 x 7, unchanged; for inputs of other sizes
            flatten=nn.Flatten(),  # 25,088
            classifier=nn.Sequential(
                nn.Linear(512 * 7 * 7, 4096),  # 4,096
                nn.ReLU(),
                nn.Dropout(),
                nn.Linear(4096, 4096),  # 4,096
                nn.ReLU(),
                nn.Dropout(),
                nn.Linear(4096, num_classes),  # classes
            ),
        )
    )
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        elif isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, 0, 0.01)  # section 3.1
        if isinstance(module, nn.Conv2d | nn.Linear) and module.bias is not None:
            nn.init.zeros_(module.bias)
    return network


def _architecture(name: str, configuration: VGGConfiguration) -> Architecture:
    with_norm = name.endswith("_bn")
    layers = name.removeprefix("vgg").removesuffix("_bn")
    return Architecture(
        name=name,
        layers=partial(vgg, name),
        title=f"VGG of {layers} layers" + (", with batch normalization" if with_norm else ""),
        source=f"Simonyan & Zisserman 2014, Table 1, column {configuration.letter}",
        input_shape=(3, 224, 224),
        num_classes=1000,
        smallest_side=32,
        claims=(
            Claim("parameters", configuration.millions, "Simonyan & Zisserman 2014, Table 2"),
            Claim("parameters", configuration.parameters, "torchvision, weight metadata num_params"),
            Claim("macs", configuration.macs, "torchvision, weight metadata _ops"),
        ),
        departures=(
            "inputs of other sizes than 224 are pooled to 7x7 before the dense layers, as in torchvision",
            "convolutions are initialized by fan-out, as in torchvision; the paper draws from N(0, 0.01) in stages",
            *(("batch normalization after each convolution is more recent than the paper",) if with_norm else ()),
        ),
        torchvision=name,
    )


NETWORKS = tuple(_architecture(name, configuration) for name, configuration in CONFIGURATIONS.items())
