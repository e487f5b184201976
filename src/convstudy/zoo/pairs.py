"""Pairs of convolutions in an `nn.Sequential`, and the shortcut around them."""

from __future__ import annotations

from collections import OrderedDict

import torch.nn.functional as F
from torch import Tensor, nn

from convstudy.zoo.residual import Shortcut, initialize

Layers = list[tuple[str, nn.Module]]


class ResidualPair(nn.Module):
    """y = relu(F(x) + x), where F is a plain stack without its last ReLU, which follows the sum."""

    def __init__(self, layers: Layers, shortcut: nn.Module | None) -> None:
        super().__init__()
        self.body = nn.Sequential(OrderedDict(layers[:-1]))
        self.shortcut = shortcut
        self.last = layers[-1]  # the ReLU and its name, needed by `unpair`

    def forward(self, x: Tensor) -> Tensor:
        """Map N x C x H x W to N x C' x H/stride x W/stride."""
        return F.relu(self.body(x) + (x if self.shortcut is None else self.shortcut(x)))


def pair(sequence: nn.Sequential, shortcut: Shortcut) -> int:
    """Put a shortcut around every two convolutions of `sequence`, in place, and return their number."""
    layers = list(sequence.named_children())
    changed: Layers = []
    while layers:
        first = unit_length(layers)
        both = first + unit_length(layers[first:]) if first and unit_length(layers[first:]) else 0
        if both:
            changed.append((layers[0][0], _residual(layers[:both], shortcut)))
        else:
            changed.append(layers[0])
        layers = layers[both or 1 :]
    _refill(sequence, changed)
    return sum(isinstance(module, ResidualPair) for _, module in changed)


def unpair(sequence: nn.Sequential) -> int:
    """Replace every residual pair of `sequence` by its plain layers, and return their number."""
    layers = list(sequence.named_children())
    changed: Layers = []
    for name, module in layers:
        if isinstance(module, ResidualPair):
            changed += [*module.body.named_children(), module.last]
        else:
            changed.append((name, module))
    _refill(sequence, changed)
    return sum(isinstance(module, ResidualPair) for _, module in layers)


def unit_length(layers: Layers) -> int:
    """Return the number of layers of a leading convolution, its normalization and its ReLU; 0 if another layer leads.

    >>> unit_length([("0", nn.Conv2d(3, 8, 3, padding=1)), ("1", nn.BatchNorm2d(8)), ("2", nn.ReLU())])
    3
    >>> unit_length([("0", nn.Conv2d(3, 8, 3)), ("1", nn.ReLU())])
    0
    """
    modules = [module for _, module in layers[:3]]
    if not modules or not isinstance(modules[0], nn.Conv2d) or not keeps_side(modules[0]):
        return 0
    length = 3 if len(modules) > 1 and isinstance(modules[1], nn.BatchNorm2d) else 2
    return length if len(modules) >= length and isinstance(modules[length - 1], nn.ReLU) else 0


def keeps_side(convolution: nn.Conv2d) -> bool:
    """Return whether only the stride changes the side to ceil(side / stride), as in a 1x1 convolution of that stride.

    >>> keeps_side(nn.Conv2d(3, 8, 3, padding=1, stride=2)), keeps_side(nn.Conv2d(3, 8, 5))
    (True, False)
    """
    if convolution.stride[0] != convolution.stride[1]:
        return False
    if isinstance(convolution.padding, str):
        return convolution.padding == "same"
    reach = [step * (side - 1) for step, side in zip(convolution.dilation, convolution.kernel_size, strict=True)]
    return [2 * padding for padding in convolution.padding] == reach


def _residual(layers: Layers, shortcut: Shortcut) -> ResidualPair:
    first, second = (layer for _, layer in layers if isinstance(layer, nn.Conv2d))
    stride = first.stride[0] * second.stride[0]
    changes = stride != 1 or first.in_channels != second.out_channels
    around = shortcut(first.in_channels, second.out_channels, stride) if changes else None
    if around is not None:
        initialize(around)
        around.to(first.weight).train(first.training)
    return ResidualPair(layers, around).train(first.training)


def _refill(sequence: nn.Sequential, layers: Layers) -> None:
    for name, _ in list(sequence.named_children()):
        delattr(sequence, name)
    for name, layer in layers:
        sequence.add_module(name, layer)
