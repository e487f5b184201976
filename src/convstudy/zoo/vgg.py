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


def normalised_convolution(in_channels: int, channels: int) -> list[nn.Module]:
    return [nn.Conv2d(in_channels, channels, 3, padding=1), nn.BatchNorm2d(channels), nn.ReLU()]


@dataclass(frozen=True)
class Column:
    """A configuration of Table 1: its letter, its layers, and what Table 2 and torchvision count."""

    letter: str
    layers: str
    millions: str  # of parameters, as Table 2 prints them
    parameters: str  # and as torchvision's weight metadata does
    macs: str


COLUMNS = {
    "vgg11": Column("A", A, "133M", "132,863,336", "7.609e9"),
    "vgg13": Column("B", B, "133M", "133,047,848", "11.308e9"),
    "vgg16": Column("D", D, "138M", "138,357,544", "15.470e9"),
    "vgg19": Column("E", E, "144M", "143,667,240", "19.632e9"),
    "vgg11_bn": Column("A", A, "133M", "132,868,840", "7.609e9"),
    "vgg13_bn": Column("B", B, "133M", "133,053,736", "11.308e9"),
    "vgg16_bn": Column("D", D, "138M", "138,365,992", "15.470e9"),
    "vgg19_bn": Column("E", E, "144M", "143,678,248", "19.632e9"),
}
CONVOLUTION = {name: normalised_convolution if name.endswith("_bn") else convolution for name in COLUMNS}


def features(name: str, in_channels: int) -> nn.Sequential:
    """The convolutions and poolings of a column."""
    layers: list[nn.Module] = []
    for entry in COLUMNS[name].layers.split():
        if entry == "M":
            layers.append(nn.MaxPool2d(2))
        else:
            layers += CONVOLUTION[name](in_channels, int(entry))
            in_channels = int(entry)
    return nn.Sequential(*layers)


def vgg(name: str, num_classes: int, in_channels: int) -> nn.Sequential:
    """A column of Table 1; output shapes are for 3 x 224 x 224."""
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


def _architecture(name: str, column: Column) -> Architecture:
    with_norm = name.endswith("_bn")
    layers = name.removeprefix("vgg").removesuffix("_bn")
    return Architecture(
        name=name,
        layers=partial(vgg, name),
        title=f"VGG of {layers} layers" + (", with batch normalisation" if with_norm else ""),
        source=f"Simonyan & Zisserman 2014, Table 1, column {column.letter}",
        input_shape=(3, 224, 224),
        num_classes=1000,
        smallest_side=32,
        claims=(
            Claim("parameters", column.millions, "Simonyan & Zisserman 2014, Table 2"),
            Claim("parameters", column.parameters, "torchvision, weight metadata num_params"),
            Claim("macs", column.macs, "torchvision, weight metadata _ops"),
        ),
        departures=(
            "inputs of other sizes than 224 are pooled to 7x7 before the dense layers, as torchvision's are",
            "convolutions are initialised by fan-out, as torchvision's are; the paper draws from N(0, 0.01) in stages",
            *(("batch normalisation after each convolution is younger than the paper",) if with_norm else ()),
        ),
        torchvision=name,
    )


NETWORKS = tuple(_architecture(name, column) for name, column in COLUMNS.items())
