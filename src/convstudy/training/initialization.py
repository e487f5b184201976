"""Weight initialization."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

KERNELS = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.Linear)


@torch.no_grad()
def initialize(network: nn.Module, how: str, stream: torch.Generator) -> None:
    """Initialize the weights of convolutions and linear layers and zero their biases.

    Normalization layers are unchanged. `xavier` is uniform with variance 2 / (fan-in + fan-out); `kaiming` is normal
    with variance 2 / fan-out for convolutions and 2 / fan-in for linear layers; `as is` changes nothing.

    Source: Glorot & Bengio 2010, equation 16; He et al. 2015, equations 14 and 10.
    """
    if how == "as is":
        return
    for layer in network.modules():
        if isinstance(layer, KERNELS):
            fan: Literal["fan_in", "fan_out"] = "fan_in" if isinstance(layer, nn.Linear) else "fan_out"
            layer.weight.copy_(_drawn(layer.weight, how, fan, stream))
            if layer.bias is not None:
                layer.bias.zero_()


def _drawn(like: Tensor, how: str, fan: Literal["fan_in", "fan_out"], stream: torch.Generator) -> Tensor:
    """Draw the weights on the CPU, so that every device starts with the same ones."""
    weight = torch.empty_like(like, device="cpu", memory_format=torch.contiguous_format)
    if how == "xavier":
        return nn.init.xavier_uniform_(weight, generator=stream)
    return nn.init.kaiming_normal_(weight, mode=fan, nonlinearity="relu", generator=stream)
