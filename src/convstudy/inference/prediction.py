"""Logits of a network for a set of images."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from convstudy.freed_memory import freed_memory_kept
from convstudy.inference.batch_norm import folded
from convstudy.inference.blocked import blocked
from convstudy.inference.out_of_memory import fitting
from convstudy.inference.resident import ResidentImages
from convstudy.processes import gathered, place

BATCH_SIZE = 256
FAST_FROM = 1000  # images, from which on a faster copy saves more time than building it takes
FAST_FROM_MACS = 5_000_000  # per image; the few channels of smaller networks leave oneDNN's blocks half empty
EXAMPLES = 2  # images on which a faster copy is checked


@torch.inference_mode()
def predict(network: nn.Module, images: ResidentImages, *, batch_size: int = BATCH_SIZE) -> Tensor:
    """Return the logits of all images in order: N x classes, float32, on the CPU. The network is left unchanged.

    From 1,000 images and 5 million multiply-accumulates per image on, a copy answers whose batch normalization is
    folded into its convolutions and, on a CPU, whose layers use oneDNN's layout. Its logits are the same up to rounding
    (benchmarks/evaluation_speed.py).

    >>> black = torch.zeros(3, 1, 2, 2, dtype=torch.uint8)
    >>> images = ResidentImages(black, torch.zeros(3, dtype=torch.int64), mean=(0.5,), std=(0.5,))
    >>> predict(nn.Flatten(), images).tolist()[0]
    [-1.0, -1.0, -1.0, -1.0]
    """
    if len(images) < FAST_FROM:
        return logits(network, images, batch_size=batch_size)
    example = images.normalized(next(images.rows([torch.arange(EXAMPLES)])))
    if macs(network, example[:1]) < FAST_FROM_MACS:
        return logits(network, images, batch_size=batch_size)
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

    def answers(size: int) -> Tensor:
        return torch.cat([network(batch).float().cpu() for batch, _ in images.batches(size)])

    with evaluating(network), freed_memory_kept(give_back=False):
        return fitting(answers, batch_size)


@contextmanager
def evaluating(network: nn.Module) -> Iterator[None]:
    """Put a network into evaluation mode during the block."""
    training = network.training
    network.eval()
    try:
        yield
    finally:
        network.train(training)


def macs(network: nn.Module, image: Tensor) -> int:
    """Return the multiply-accumulates of the convolutional and dense layers for one image, 1 x C x H x W.

    >>> macs(nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(144, 10)), torch.zeros(1, 3, 8, 8))
    5328
    """
    counted = []

    def count(layer: nn.Module, _: object, output: Tensor) -> None:
        weight = layer.get_parameter("weight")
        counted.append(output.numel() * weight[0].numel())

    layers = [layer for layer in network.modules() if isinstance(layer, nn.Conv2d | nn.Linear)]
    handles = [layer.register_forward_hook(count) for layer in layers]
    try:
        with torch.inference_mode(), evaluating(network):
            network(image)
    finally:
        for handle in handles:
            handle.remove()
    return sum(counted)
