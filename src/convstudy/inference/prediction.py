"""Logits of a network for a set of images."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from convstudy.inference.batch_norm import folded
from convstudy.inference.blocked import blocked
from convstudy.inference.out_of_memory import fitting
from convstudy.inference.resident import ResidentImages
from convstudy.processes import gathered, place

BATCH_SIZE = 256
FAST_FROM = 1000  # images, from which on a faster copy saves more time than building it takes
EXAMPLES = 8  # images on which a faster copy is checked


@torch.inference_mode()
def predict(network: nn.Module, images: ResidentImages, *, batch_size: int = BATCH_SIZE) -> Tensor:
    """Return the logits of all images in order: N x classes, float32, on the CPU. The network is left unchanged.

    From 1,000 images on, a copy answers whose batch normalization is folded into its convolutions and, on a CPU, whose
    layers use oneDNN's layout. Its logits are the same up to rounding (benchmarks/evaluation_speed.py).

    >>> black = torch.zeros(3, 1, 2, 2, dtype=torch.uint8)
    >>> images = ResidentImages(black, torch.zeros(3, dtype=torch.int64), mean=(0.5,), std=(0.5,))
    >>> predict(nn.Flatten(), images).tolist()[0]
    [-1.0, -1.0, -1.0, -1.0]
    """
    if len(images) < FAST_FROM:
        return logits(network, images, batch_size=batch_size)
    example = images.normalized(next(images.rows([torch.arange(EXAMPLES)])))
    return logits(blocked(folded(network), example), images, batch_size=batch_size)


def predict_together(network: nn.Module, images: ResidentImages) -> Tensor:
    """Return the logits as `predict` does, on every process; each process answers a part of the images, once each."""
    here = place()
    if here.alone:
        return predict(network, images)
    own = images.part(here.rank, here.world)
    return torch.cat([part for part in gathered(predict(network, own) if len(own) else None) if part is not None])


@torch.inference_mode()
def logits(network: nn.Module, images: ResidentImages, *, batch_size: int = BATCH_SIZE) -> Tensor:
    """Return the logits as `predict` does, with this very network, in smaller batches if memory runs out."""
    training = network.training
    network.eval()

    def answers(size: int) -> Tensor:
        return torch.cat([network(batch).float().cpu() for batch, _ in images.batches(size)])

    try:
        return fitting(answers, batch_size)
    finally:
        network.train(training)
