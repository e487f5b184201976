"""Running statistics of batch normalization, computed anew from images instead of as a moving average over training."""

from __future__ import annotations

import copy

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from convstudy.inference.out_of_memory import fitting
from convstudy.inference.resident import ResidentImages

BATCH_SIZE = 256
MOST_IMAGES = 10_000  # the statistics of this many are precise enough


def has_running_statistics(network: nn.Module) -> bool:
    """Return whether evaluation depends on running statistics of batch normalization.

    >>> has_running_statistics(nn.BatchNorm2d(3)), has_running_statistics(nn.LayerNorm(3))
    (True, False)
    """
    return any(layer.running_mean is not None for layer in _norms(network))


@torch.no_grad()
def with_precise_statistics(network: nn.Module, images: ResidentImages) -> nn.Module:
    """Return a copy of `network`, with shared parameters, whose running statistics are averages over `images`.

    Only batch normalization is in training mode meanwhile; dropout is off. `network` itself is unchanged, and so is the
    global random state.

    Source: Wu & Johnson 2021 (Rethinking "Batch" in BatchNorm), section 3.1, PreciseBN.
    """

    def computed(batch_size: int) -> nn.Module:
        shared = {id(parameter): parameter for parameter in network.parameters()}
        copied = copy.deepcopy(network, shared).eval()
        norms = [layer for layer in _norms(copied) if layer.running_mean is not None]
        momenta = [layer.momentum for layer in norms]
        for layer in norms:
            layer.reset_running_stats()
            layer.momentum = None  # a cumulative average
            layer.train()
        few = torch.arange(min(len(images), MOST_IMAGES))
        for batch in images.rows(list(torch.split(few, batch_size))):
            if len(batch) > 1:  # the variance of one image is none
                copied(images.normalized(batch))
        for layer, momentum in zip(norms, momenta, strict=True):
            layer.momentum = momentum
            layer.eval()
        return copied

    return fitting(computed, BATCH_SIZE)


def _norms(network: nn.Module) -> list[_BatchNorm]:
    return [layer for layer in network.modules() if isinstance(layer, _BatchNorm)]
