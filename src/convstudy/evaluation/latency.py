"""How long one image takes."""

from __future__ import annotations

import statistics
import time

import torch
from torch import nn

WARM_UP_PASSES = 5  # not timed
TIMED_PASSES = 30


@torch.inference_mode()
def latency_ms(network: nn.Module, input_shape: tuple[int, int, int], device: torch.device) -> float:
    """Median time of one image's forward pass (C x H x W) in milliseconds, after an untimed warm-up."""
    image = torch.zeros(1, *input_shape, device=device)
    training = network.training
    network.eval()
    try:
        times = [_timed_pass(network, image) for _ in range(WARM_UP_PASSES + TIMED_PASSES)]
    finally:
        network.train(training)
    return 1000 * statistics.median(times[WARM_UP_PASSES:])


def _timed_pass(network: nn.Module, image: torch.Tensor) -> float:
    started = time.perf_counter()
    network(image).cpu()  # waits for the device
    return time.perf_counter() - started
