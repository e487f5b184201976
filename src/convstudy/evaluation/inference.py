"""A network's logits for a set of images."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from convstudy.evaluation.resident import ResidentImages

BATCH_SIZE = 256


@torch.inference_mode()
def predict(network: nn.Module, images: ResidentImages, *, batch_size: int = BATCH_SIZE) -> Tensor:
    """Logits of all images in their order: N x classes, float32, on the CPU. The network is left in the mode it had.

    >>> black = torch.zeros(3, 1, 2, 2, dtype=torch.uint8)
    >>> images = ResidentImages(black, torch.zeros(3, dtype=torch.int64), mean=(0.5,), std=(0.5,))
    >>> predict(nn.Flatten(), images).tolist()[0]
    [-1.0, -1.0, -1.0, -1.0]
    """
    training = network.training
    network.eval()
    try:
        return torch.cat([network(batch).float().cpu() for batch, _ in images.batches(batch_size)])
    finally:
        network.train(training)
