"""The optimizer: weight decay and learning rate of each parameter group."""

from __future__ import annotations

from collections.abc import Iterator
from inspect import unwrap
from typing import Any

import torch
from torch import nn
from torch.optim import SGD, AdamW, Optimizer

from convstudy.training.recipe import Recipe


class _Uncompiled:
    """Methods of an optimizer without torch's wrappers.

    Those that keep torch.compile out import torch._dynamo, which takes 1.4 CPU-seconds and 150 MB; only networks are
    compiled here. That of `zero_grad` names it for the profiler.
    """

    param_groups: list[dict[str, Any]]
    add_param_group = unwrap(Optimizer.add_param_group)
    state_dict = unwrap(Optimizer.state_dict)
    load_state_dict = unwrap(Optimizer.load_state_dict)

    def zero_grad(self, set_to_none: bool = True) -> None:  # noqa: ARG002 - as torch names it
        """Remove the gradients, which the next backward pass then need not clear."""
        for group in self.param_groups:
            for parameter in group["params"]:
                parameter.grad = None


class UncompiledSGD(_Uncompiled, SGD):
    """torch's SGD, the same to the bit."""

    step = torch.no_grad()(unwrap(SGD.step))


class UncompiledAdamW(_Uncompiled, AdamW):
    """torch's AdamW, the same to the bit."""

    step = torch.no_grad()(unwrap(AdamW.step))


def build_optimizer(network: nn.Module, recipe: Recipe) -> Optimizer:
    """Build SGD with Nesterov momentum, or AdamW; weight decay applies to weight matrices and kernels only.

    Each group has an `lr_scale`, its factor to the learning rate of the schedule: below 1 in the first blocks of a
    network if the recipe has layer-wise decay.

    Source: He et al. 2019 (Bag of Tricks), section 3.1: parameters with fewer than two dimensions do not decay.
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
        return UncompiledAdamW(groups, lr=recipe.lr, betas=(recipe.momentum, 0.999), fused=True)
    return UncompiledSGD(groups, lr=recipe.lr, momentum=recipe.momentum, nesterov=recipe.momentum > 0, fused=True)


def set_learning_rate(optimizer: Optimizer, lr: float) -> None:
    """Set the learning rate of each group to `lr` times its scale."""
    for group in optimizer.param_groups:
        group["lr"] = lr * group["lr_scale"]


def _parts(network: nn.Module, layer_decay: float) -> Iterator[tuple[list[nn.Parameter], float]]:
    """Yield the trainable parameters of each block with its factor to the learning rate, which is 1 for the last block.

    Blocks are the network's top-level modules that have a kernel or matrix; normalization layers belong to the block
    before them.
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
