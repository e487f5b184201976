"""The optimiser: which parameters decay, and how fast each part of a network learns."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from torch import nn
from torch.optim import SGD, AdamW, Optimizer

from convstudy.training.recipe import Recipe


def optimiser(network: nn.Module, recipe: Recipe) -> Optimizer:
    """SGD with Nesterov momentum, or AdamW; weight decay on weight matrices and kernels only, not on biases and norms.

    Each group has `lr_scale`, the part of the schedule's learning rate that is its own: below 1 in a network's first
    parts where the recipe has a layer-wise decay.

    Source: He et al. 2019 (Bag of Tricks), section 3.1: parameters of one dimension or none do not decay.
    """
    groups: list[dict[str, Any]] = []
    for parameters, lr_scale in _parts(network, recipe.layer_decay):
        kernels = [parameter for parameter in parameters if parameter.ndim >= 2]
        others = [parameter for parameter in parameters if parameter.ndim < 2]
        groups += [
            {"params": chosen, "weight_decay": decay, "lr_scale": lr_scale}
            for chosen, decay in ((kernels, recipe.weight_decay), (others, 0.0))
            if chosen
        ]
    if recipe.optimizer == "adamw":
        return AdamW(groups, lr=recipe.lr, betas=(recipe.momentum, 0.999), fused=True)
    return SGD(groups, lr=recipe.lr, momentum=recipe.momentum, nesterov=recipe.momentum > 0, fused=True)


def set_learning_rate(optimiser: Optimizer, lr: float) -> None:
    """Give each group its part of the learning rate `lr`."""
    for group in optimiser.param_groups:
        group["lr"] = lr * group["lr_scale"]


def _parts(network: nn.Module, layer_decay: float) -> Iterator[tuple[list[nn.Parameter], float]]:
    """The trainable parameters of each part, and the part's share of the learning rate: 1 for the last part.

    The parts are the network's top-level modules that have a kernel or matrix; norms go with the part before them.
    """
    trainable = [parameter for parameter in network.parameters() if parameter.requires_grad]
    if layer_decay == 1:
        yield trainable, 1.0
        return
    part_of: dict[nn.Parameter, int] = {}
    last = -1
    for module in network.children():
        own = [parameter for parameter in module.parameters() if parameter not in part_of]
        last += any(parameter.ndim >= 2 for parameter in own)
        part_of |= dict.fromkeys(own, max(last, 0))
    for part in range(max(last, 0) + 1):
        own = [parameter for parameter in trainable if part_of.get(parameter, 0) == part]
        if own:
            yield own, layer_decay ** (max(last, 0) - part)
