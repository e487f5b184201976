"""Throughput: images per second, and the batch size that reaches it."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from convstudy.inference.latency import evaluating, noise, timed_pass
from convstudy.inference.out_of_memory import is_out_of_memory

GROWTH = 1.03  # gain in images/s for which the next batch size is tried
LARGEST_BATCH = 1024
ENOUGH_SECONDS = 1.0  # except for the first, no batch is tried that would end later
TIMED_PASSES = 5
TIMED_SECONDS = 0.05  # after these a batch size gets no further pass
LONG_PASS = 0.1  # seconds, from which on the first pass counts, too, because warm-up is a small part of it


@dataclass(frozen=True)
class Throughput:
    """Images per second for each batch size that was tried."""

    rates: tuple[tuple[int, float], ...]  # batch size, images/s

    @property
    def batch_size(self) -> int:
        """The fastest batch size."""
        return max(self.rates, key=lambda tried: tried[1])[0]

    @property
    def images_per_second(self) -> float:
        """The throughput with the fastest batch size."""
        return max(rate for _, rate in self.rates)


@torch.inference_mode()
def throughput_of(network: nn.Module, input_shape: tuple[int, int, int], device: torch.device) -> Throughput:
    """Time forward passes in evaluation mode in batches of 1, 2, 4, ... images (C x H x W) while that gets faster.

    The measurement ends if neither of the last two sizes gave 3% more images per second, at 1,024 images, when memory
    is full, or after about one second. The network is used as it is and left unchanged; the images are noise, as in
    `latency_of`.

    Raises: the out-of-memory error, if a batch of one does not fit.
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
    """Return whether one of the last two sizes was faster than all before; a single slow one may be chance."""
    return len(rates) < 3 or max(rates[-2:]) >= GROWTH * max(rates[:-2])


def _batch_seconds(network: nn.Module, images: Tensor) -> float:
    """Return the median time of a few passes after one warm-up pass."""
    first = timed_pass(network, images)
    if first > LONG_PASS:
        return first
    times: list[float] = []
    while len(times) < TIMED_PASSES and sum(times) < TIMED_SECONDS:
        times.append(timed_pass(network, images))
    return statistics.median(times)
