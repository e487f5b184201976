"""GoogLeNet (Szegedy et al. 2014, Going Deeper with Convolutions), and a variant with naive inception modules."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor, nn

from convstudy.claims.claim import Claim
from convstudy.zoo.architecture import Architecture

# Table 1, from the first module on: #1x1, #3x3 reduce, #3x3, #5x5 reduce, #5x5, pool proj.
ROWS = {
    "inception3a": (64, 96, 128, 16, 32, 32),  # 256 x 28 x 28
    "inception3b": (128, 128, 192, 32, 96, 64),  # 480 x 28 x 28
    "pool3": None,  # 480 x 14 x 14
    "inception4a": (192, 96, 208, 16, 48, 64),  # 512 x 14 x 14
    "inception4b": (160, 112, 224, 24, 64, 64),  # 512 x 14 x 14
    "inception4c": (128, 128, 256, 24, 64, 64),  # 512 x 14 x 14
    "inception4d": (112, 144, 288, 32, 64, 64),  # 528 x 14 x 14
    "inception4e": (256, 160, 320, 32, 128, 128),  # 832 x 14 x 14
    "pool4": None,  # 832 x 7 x 7
    "inception5a": (256, 160, 320, 32, 128, 128),  # 832 x 7 x 7
    "inception5b": (384, 192, 384, 48, 128, 128),  # 1024 x 7 x 7
}
SIDE_BRANCHES = ("inception4a", "inception4d")  # section 5: the modules that feed them

Row = tuple[int, int, int, int, int, int]
ResponseNorm = partial(nn.LocalResponseNorm, size=5, alpha=1e-4, beta=0.75, k=1.0)


def convolution(in_channels: int, channels: int, kernel: int, stride: int = 1) -> nn.Sequential:
    layer = nn.Conv2d(in_channels, channels, kernel, stride, padding=kernel // 2)
    return nn.Sequential(OrderedDict(conv=layer, relu=nn.ReLU()))


def pool() -> nn.MaxPool2d:
    return nn.MaxPool2d(3, stride=2, ceil_mode=True)


class Concatenation(nn.Module):
    """Parallel branches whose channels are concatenated (Figure 2): N x C x H x W in, N x C' x H x W out.

    Figures call it by its `block_name`.
    """

    def __init__(self, block_name: str, out_channels: int, **branches: nn.Module) -> None:
        super().__init__()
        self.block_name, self.out_channels = block_name, out_channels
        for name, branch in branches.items():
            self.add_module(name, branch)

    def forward(self, x: Tensor) -> Tensor:
        """Return the channels of all branches, in the order of Table 1."""
        return torch.cat([branch(x) for branch in self.children()], 1)


def inception(in_channels: int, row: Row) -> Concatenation:
    """Build the module of Figure 2(b), in which 1x1 convolutions reduce the channels in front of the larger kernels."""
    ones, reduce3, threes, reduce5, fives, projected = row
    return Concatenation(
        "inception module",
        ones + threes + fives + projected,
        conv1x1=convolution(in_channels, ones, 1),
        conv3x3=nn.Sequential(convolution(in_channels, reduce3, 1), convolution(reduce3, threes, 3)),
        conv5x5=nn.Sequential(convolution(in_channels, reduce5, 1), convolution(reduce5, fives, 5)),
        pool=nn.Sequential(nn.MaxPool2d(3, stride=1, padding=1), convolution(in_channels, projected, 1)),
    )


def naive_inception(in_channels: int, row: Row) -> Concatenation:
    """Build the module of Figure 2(a), in which every kernel sees all channels and pooled channels are passed on."""
    ones, _, threes, _, fives, _ = row
    return Concatenation(
        "naive inception module",
        ones + threes + fives + in_channels,
        conv1x1=convolution(in_channels, ones, 1),
        conv3x3=convolution(in_channels, threes, 3),
        conv5x5=convolution(in_channels, fives, 5),
        pool=nn.MaxPool2d(3, stride=1, padding=1),
    )


def side_branch(in_channels: int, num_classes: int) -> nn.Sequential:
    """Build a classifier on the output of an inner module, used only in training (section 5)."""
    return nn.Sequential(
        OrderedDict(
            pool=nn.AvgPool2d(5, stride=3),  # 512 x 4 x 4
            fit=nn.AdaptiveAvgPool2d(4),  # 512 x 4 x 4, unchanged; for inputs of other sizes
            conv=convolution(in_channels, 128, 1),  # 128 x 4 x 4
            flatten=nn.Flatten(),  # 2,048
            fc=nn.Linear(2048, 1024),  # 1,024
            relu=nn.ReLU(),
            dropout=nn.Dropout(0.7),
            linear=nn.Linear(1024, num_classes),  # classes
        )
    )


class TrainingOutput(NamedTuple):
    """The outputs of a network with side branches in training: N x classes each."""

    logits: Tensor
    side4a: Tensor
    side4d: Tensor


class GoogLeNet(nn.Module):
    """The main path, and the side branches, which run only in training.

    In training mode the output is a `TrainingOutput`, in evaluation mode the logits. The loss of each side branch has
    the weight 0.3 (section 5).
    """

    def __init__(self, main: nn.Sequential, sides: nn.ModuleDict) -> None:
        super().__init__()
        self.main, self.sides = main, sides

    def forward(self, x: Tensor) -> Tensor | TrainingOutput:
        """Map N x C x H x W to N x classes, in training mode together with the logits of the side branches."""
        side_logits = []
        for name, layer in self.main.named_children():
            x = layer(x)
            if self.training and name in self.sides:
                side_logits.append(self.sides[name](x))
        return TrainingOutput(x, *side_logits) if self.training else x


def googlenet(
    module: Callable[[int, Row], Concatenation],
    num_classes: int,
    in_channels: int,
    *,
    stem: tuple[int, int] = (64, 192),
) -> GoogLeNet:
    """Build the network of Table 1; output shapes are for 3 x 224 x 224.

    `stem` are the channels of its convolutions before the first module.
    """
    first, second = stem
    main: OrderedDict[str, nn.Module] = OrderedDict(
        conv1=convolution(in_channels, first, 7, stride=2),  # 64 x 112 x 112
        pool1=pool(),  # 64 x 56 x 56
        norm1=ResponseNorm(),
        conv2_reduce=convolution(first, first, 1),  # 64 x 56 x 56
        conv2=convolution(first, second, 3),  # 192 x 56 x 56
        norm2=ResponseNorm(),
        pool2=pool(),  # 192 x 28 x 28
    )
    sides: dict[str, nn.Module] = {}
    channels = second
    for name, row in ROWS.items():
        if row is None:
            main[name] = pool()
            continue
        made = module(channels, row)
        main[name], channels = made, made.out_channels
        if name in SIDE_BRANCHES:
            sides[name] = side_branch(channels, num_classes)
    main |= OrderedDict(
        avgpool=nn.AdaptiveAvgPool2d(1),  # 1024 x 1 x 1
        dropout=nn.Dropout(0.4),
        flatten=nn.Flatten(),  # 1,024
        linear=nn.Linear(channels, num_classes),  # classes
    )
    network = GoogLeNet(nn.Sequential(main), nn.ModuleDict(sides))
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear) and layer.bias is not None:
            nn.init.xavier_uniform_(layer.weight)
            nn.init.constant_(layer.bias, 0.2 if isinstance(layer, nn.Conv2d) else 0)
    return network


TABLE_1 = "Szegedy et al. 2014, Table 1, ops"
WORKED_OUT = "Szegedy et al. 2014, worked out from Table 1 and section 5"
OPS = {  # millions of multiply-adds; those of conv1 and inception5a do not follow from their own rows
    "inception3a": "128M",
    "inception3b": "304M",
    "inception4a": "73M",
    "inception4b": "88M",
    "inception4c": "100M",
    "inception4d": "119M",
    "inception4e": "170M",
    "inception5b": "71M",
    "linear": "1M",
}
DEPARTURES = (
    "Table 1 omits the response normalization; its position is Figure 3's, its constants are AlexNet's with k = 1",
    "the paper does not give the initialization: Xavier's, biases of 0.2, as in Caffe's GoogLeNet",
    "inputs of other sizes than 224 are averaged to one value per map, and to 4x4 in the side branches",
)

NETWORKS = (
    Architecture(
        name="googlenet",
        layers=partial(googlenet, inception),
        title="GoogLeNet, nine inception modules and two side branches",
        source="Szegedy et al. 2014, Table 1",
        input_shape=(3, 224, 224),
        num_classes=1000,
        smallest_side=79,
        claims=(
            Claim("parameters", "13,378,280", WORKED_OUT),
            Claim("parameters of main", "6,998,552", WORKED_OUT),
            *(Claim(f"macs of main.{layer}", printed, TABLE_1) for layer, printed in OPS.items()),
        ),
        misprints=(
            Claim("macs of main.conv1", "34M", TABLE_1),  # 7·7·3·64 · 112·112 = 118M
            Claim("macs of main.inception5a", "54M", TABLE_1),  # 51M
        ),
        departures=DEPARTURES,
    ),
    Architecture(
        name="inception-naive",
        layers=partial(googlenet, naive_inception),
        title="GoogLeNet without the 1x1 reductions",
        source="Szegedy et al. 2014, Figure 2(a) in the rows of Table 1",
        input_shape=(3, 224, 224),
        num_classes=1000,
        smallest_side=79,
        departures=("the paper shows only the naive module, not a network of such modules", *DEPARTURES),
    ),
)
