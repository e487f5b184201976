"""The optimiser, and which parameters decay."""

from __future__ import annotations

from torch import nn
from torch.optim import SGD

from convstudy.training.recipe import Recipe


def optimiser(network: nn.Module, recipe: Recipe) -> SGD:
    """SGD with Nesterov momentum; weight decay on weight matrices and kernels only, not on biases and norms.

    Source: He et al. 2019 (Bag of Tricks), section 3.1: parameters of one dimension or none do not decay.
    """
    trainable = [parameter for parameter in network.parameters() if parameter.requires_grad]
    groups = [
        {"params": [p for p in trainable if p.ndim >= 2], "weight_decay": recipe.weight_decay},
        {"params": [p for p in trainable if p.ndim < 2], "weight_decay": 0.0},
    ]
    return SGD(
        [group for group in groups if group["params"]],
        lr=recipe.lr,
        momentum=recipe.momentum,
        nesterov=recipe.momentum > 0,
        fused=True,
    )
