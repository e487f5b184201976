"""Variants of the zoo's networks that a finding compares, and the rule by which networks fit the size of images."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace

from torch import nn

from convstudy.study.models.objects import model_of
from convstudy.study.models.opening import Model
from convstudy.zoo.googlenet import (
    ROWS,
    Concatenation,
    GoogLeNet,
    ResponseNorm,
    Row,
    convolution,
    googlenet,
    inception,
    naive_inception,
    pool,
)

WITHOUT_SIDES = "googlenet-without-sides"
NARROW, NARROW_WITHOUT_SIDES = "googlenet-narrow", "googlenet-narrow-without-sides"
REDUCED, NAIVE = "two-modules-reduced", "two-modules-naive"
STEP = 16  # sides of enlarged images are multiples of it
SMALLEST_GOOGLENET = 80  # 79 is the smallest side at which its side branches can pool


def googlenet_without_sides(num_classes: int, in_channels: int) -> nn.Module:
    """Build GoogLeNet without its side branches; the main path starts from the same distribution of weights."""
    return googlenet(inception, num_classes, in_channels).main


def narrow_inception(in_channels: int, row: Row) -> Concatenation:
    """Build an inception module with a quarter of the channels of its row of Table 1."""
    ones, reduce3, threes, reduce5, fives, projected = (channels // 4 for channels in row)
    return inception(in_channels, (ones, reduce3, threes, reduce5, fives, projected))


def narrow_googlenet(num_classes: int, in_channels: int) -> GoogLeNet:
    """Build GoogLeNet with a quarter of the channels on its main path, for small budgets."""
    return googlenet(narrow_inception, num_classes, in_channels, stem=(64 // 4, 192 // 4))


def narrow_without_sides(num_classes: int, in_channels: int) -> nn.Module:
    """Build the same network without its side branches."""
    return narrow_googlenet(num_classes, in_channels).main


def two_modules(module: Callable[[int, Row], Concatenation], num_classes: int, in_channels: int) -> nn.Sequential:
    """Build GoogLeNet's stem and its first two inception modules with a linear classifier, for small budgets."""
    stem: OrderedDict[str, nn.Module] = OrderedDict(
        conv1=convolution(in_channels, 64, 7, stride=2),
        pool1=pool(),
        norm1=ResponseNorm(),
        conv2_reduce=convolution(64, 64, 1),
        conv2=convolution(64, 192, 3),
        norm2=ResponseNorm(),
        pool2=pool(),
    )
    channels = 192
    for name in ("inception3a", "inception3b"):
        row = ROWS[name]
        assert row is not None
        made = module(channels, row)
        stem[name], channels = made, made.out_channels
    network = nn.Sequential(
        stem
        | OrderedDict(avgpool=nn.AdaptiveAvgPool2d(1), flatten=nn.Flatten(), linear=nn.Linear(channels, num_classes))
    )
    for layer in network.modules():  # as the zoo's GoogLeNet
        if isinstance(layer, nn.Conv2d | nn.Linear) and layer.bias is not None:
            nn.init.xavier_uniform_(layer.weight)
            nn.init.constant_(layer.bias, 0.2 if isinstance(layer, nn.Conv2d) else 0)
    return network


def two_modules_reduced(num_classes: int, in_channels: int) -> nn.Module:
    """Build the stem and modules 3a and 3b with 1x1 reductions (Figure 2(b))."""
    return two_modules(inception, num_classes, in_channels)


def two_modules_naive(num_classes: int, in_channels: int) -> nn.Module:
    """Build the stem and modules 3a and 3b without reductions (Figure 2(a))."""
    return two_modules(naive_inception, num_classes, in_channels)


def variants(*names: str) -> dict[str, Model]:
    """Return variants by name, as networks that a comparison takes as objects."""
    makers = {
        WITHOUT_SIDES: googlenet_without_sides,
        NARROW: narrow_googlenet,
        NARROW_WITHOUT_SIDES: narrow_without_sides,
        REDUCED: two_modules_reduced,
        NAIVE: two_modules_naive,
    }
    return {name: replace(model_of(makers[name].__name__, makers[name]), name=name) for name in names}


def fitted_side(smallest_side: int, image_side: int, at_least: int) -> int:
    """Return the side to which images are enlarged for a network that stays as its paper has it.

    It is the side of the images, or `at_least`, or the smallest side that the network takes, whichever is largest,
    rounded up to a multiple of 16.

    >>> [fitted_side(smallest, 32, 32) for smallest in (1, 63, 79)], fitted_side(1, 32, 64), fitted_side(79, 96, 64)
    ([32, 64, 80], 64, 96)
    """
    side = max(smallest_side, image_side, at_least)
    return -(-side // STEP) * STEP
