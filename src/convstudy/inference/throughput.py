"""How many images a second a network answers, and in batches of what size."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from convstudy.inference.latency import evaluating, noise, timed_pass
from convstudy.inference.out_of_memory import is_out_of_memory

GROWTH = 1.03  # of images/s, for which a batch twice the size is tried
LARGEST_BATCH = 1024
ENOUGH_SECONDS = 1.0  # no batch is tried that would end after them, but for the first
TIMED_PASSES = 5
TIMED_SECONDS = 0.05  # a size needs no further pass after these
LONG_PASS = 0.1  # seconds, from which on a first pass is timed, too: warming up is little of it


@dataclass(frozen=True)
class Throughput:
    """Images a second for each batch size that was tried."""

    rates: tuple[tuple[int, float], ...]  # batch size, images/s

    @property
    def batch_size(self) -> int:
        """The fastest."""
        return max(self.rates, key=lambda tried: tried[1])[0]

    @property
    def images_per_second(self) -> float:
        """In batches of that size."""
        return max(rate for _, rate in self.rates)


@torch.inference_mode()
def throughput_of(network: nn.Module, input_shape: tuple[int, int, int], device: torch.device) -> Throughput:
    """Time forward passes in evaluation mode in batches of 1, 2, 4, ... images (C x H x W), while that gets faster.

    It ends when neither of the last two sizes gave 3 % more images/s, at 1,024 images, when memory is full, or after
    about a second. The network is taken as it is, and left so; the images are noise, as for `latency_of`.

    Raises: the error of the memory, when there is no room for a batch of one.
    """
    started, rates, size = time.perf_counter(), list[tuple[int, float]](), 1
    with evaluating(network):
        while size <= LARGEST_BATCH and _growing([rate for _, rate in rates]):
            try:
                seconds = _batch_seconds(network, noise(size, input_shape, device))
            except (RuntimeError, MemoryError) as error:
                if not rates or not is_out_of_memory(error):
                    raise
                break
            rates.append((size, size / seconds))
            if time.perf_counter() - started + 2 * seconds > ENOUGH_SECONDS:
                break
            size *= 2
    return Throughput(tuple(rates))


def _growing(rates: list[float]) -> bool:
    """Whether one of the last two was faster than all before; a single slow one may be chance."""
    return len(rates) < 3 or max(rates[-2:]) >= GROWTH * max(rates[:-2])


def _batch_seconds(network: nn.Module, images: Tensor) -> float:
    """The median of a few passes, after one that warms up."""
    first = timed_pass(network, images)
    if first > LONG_PASS:
        return first
    times: list[float] = []
    while len(times) < TIMED_PASSES and sum(times) < TIMED_SECONDS:
        times.append(timed_pass(network, images))
    return statistics.median(times)
