"""A plain network and its residual twin (He et al. 2015, Figure 3): the same layers without and with shortcuts."""

from __future__ import annotations

from copy import deepcopy
from typing import TypeVar

from torch import nn

from convstudy.errors import ModelError
from convstudy.zoo.pairs import pair, unpair
from convstudy.zoo.residual import BasicBlock, PlainBlock, Shortcut, initialize, projection

Twin = TypeVar("Twin", bound=PlainBlock)


def plain_to_residual(network: nn.Module, shortcut: Shortcut = projection) -> nn.Module:
    """Return a copy of `network` with a shortcut around every two convolutions and with the same weights.

    The shortcut is the identity if the shape does not change, otherwise `shortcut`: a 1x1 projection (option B),
    initialized from torch's global random state, or `ZeroPadding` (option A). It is added to the zoo's plain blocks; if
    there are none, to the layers of each `nn.Sequential`: twice convolution, optional batch normalization, and ReLU,
    padded so that only a stride changes the side. Convolutions without a partner stay plain.

    Raises:
        ModelError: if there are no two such convolutions.

    >>> from convstudy.zoo import build
    >>> plain = build("plain18", num_classes=1000, in_channels=3)
    >>> sum(parameter.numel() for parameter in plain_to_residual(plain).parameters())
    11689512
    """
    twin = deepcopy(network)
    blocks = [(path, module) for path, module in twin.named_modules() if type(module) is PlainBlock]
    for path, block in blocks:
        twin.set_submodule(path, _with_shortcut(block, shortcut))
    if not blocks and not sum(pair(sequence, shortcut) for sequence in _sequences(twin)):
        raise ModelError(
            f"{type(network).__name__} has no two convolutions for a shortcut; expected an nn.Sequential "
            "with convolution, ReLU, convolution, ReLU, padded so that the side does not change"
        )
    return twin


def residual_to_plain(network: nn.Module) -> nn.Module:
    """Return a copy of `network` without its shortcuts and their projections; the inverse of `plain_to_residual`.

    Raises:
        ModelError: if there is no shortcut around two convolutions.

    >>> from convstudy.zoo import build
    >>> residual = build("resnet18", num_classes=1000, in_channels=3)
    >>> sum(parameter.numel() for parameter in residual_to_plain(residual).parameters())
    11515688
    """
    twin = deepcopy(network)
    blocks = [(path, module) for path, module in twin.named_modules() if isinstance(module, BasicBlock)]
    for path, block in blocks:
        twin.set_submodule(path, _without_shortcut(block))
    if not blocks and not sum(unpair(sequence) for sequence in _sequences(twin)):
        raise ModelError(
            f"{type(network).__name__} has no shortcut around two convolutions; expected resnet18, resnet34, "
            "resnet20 to resnet110, or a result of plain_to_residual"
        )
    return twin


def _with_shortcut(block: PlainBlock, shortcut: Shortcut) -> BasicBlock:
    first = block.conv1
    twin = BasicBlock(first.in_channels, first.out_channels, first.stride[0], shortcut)
    if twin.downsample is not None:
        initialize(twin.downsample)
    return _with_layers_of(block, twin)


def _without_shortcut(block: BasicBlock) -> PlainBlock:
    first = block.conv1
    return _with_layers_of(block, PlainBlock(first.in_channels, first.out_channels, first.stride[0]))


def _with_layers_of(block: PlainBlock, twin: Twin) -> Twin:
    """Give `twin` the very layers of `block`, and their device, type and mode."""
    twin.to(block.conv1.weight).train(block.training)
    twin.conv1, twin.bn1, twin.conv2, twin.bn2 = block.conv1, block.bn1, block.conv2, block.bn2
    return twin


def _sequences(network: nn.Module) -> list[nn.Sequential]:
    return [module for module in network.modules() if type(module) is nn.Sequential]
