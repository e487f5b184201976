"""The registry of built-in networks, by name."""

from __future__ import annotations

from collections.abc import Mapping

from torch import nn

from convstudy.errors import ModelError, UnknownNameError
from convstudy.zoo import alexnet, googlenet, lecture, lenet5, net, resnet, resnet_cifar, vgg
from convstudy.zoo.architecture import Architecture

FAMILIES = (lecture, net, lenet5, alexnet, vgg, googlenet, resnet, resnet_cifar)
ARCHITECTURES: Mapping[str, Architecture] = {
    architecture.name: architecture for family in FAMILIES for architecture in family.NETWORKS
}


def architecture(name: str) -> Architecture:
    """Return the architecture of a name.

    Raises:
        UnknownNameError: if there is none; the message names the closest one.
        ModelError: if the name is a list.

    >>> architecture("resnet34").source
    'He et al. 2015, Table 1'
    >>> architecture("net,lenet5")
    Traceback (most recent call last):
    convstudy.errors.ModelError: 'net,lenet5' names several networks; separate them by spaces: net lenet5
    """
    several = [each.strip() for each in name.split(",")]
    if len(several) > 1 and {*several} & {*ARCHITECTURES}:
        raise ModelError(f"'{name}' names several networks; separate them by spaces: {' '.join(several)}")
    if name not in ARCHITECTURES:
        raise UnknownNameError("network", name, ARCHITECTURES, hint="`convstudy models` lists them")
    return ARCHITECTURES[name]


def build(name: str, *, num_classes: int, in_channels: int) -> nn.Module:
    """Build a network by name, initialized from torch's global random state.

    >>> sum(parameter.numel() for parameter in build("net", num_classes=10, in_channels=3).parameters())
    62006
    """
    return architecture(name).build(num_classes=num_classes, in_channels=in_channels)
