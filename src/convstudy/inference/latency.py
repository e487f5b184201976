"""Latency: the time to answer one image."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

WARM_UP_PASSES = 5  # not timed
WARM_UP_SECONDS = 0.5  # after these a slow network gets no further warm-up pass
TIMED_PASSES = 100
ENOUGH_SECONDS = 2.0  # a slow network gets as many passes as fit into these,
FEWEST_PASSES = 3  # but at least this many
PASSES_FOR_P95 = 20  # with fewer passes the slowest one would be the 95th percentile


@dataclass(frozen=True)
class Latency:
    """Times of single passes in milliseconds: median and 95th percentile, which is None for too few passes."""

    median_ms: float
    p95_ms: float | None
    passes: int  # number of timed passes


@torch.inference_mode()
def latency_of(network: nn.Module, input_shape: tuple[int, int, int], device: torch.device) -> Latency:
    """Time the forward pass of one image (C x H x W) in evaluation mode, after untimed warm-up passes.

    Up to 100 passes are timed, or as many as fit into 2 seconds. The image is noise, because rectifiers and pooling are
    faster on black images. The network and the global random state are left unchanged.
    """
    image = noise(1, input_shape, device)
    with evaluating(network):
        warming: list[float] = []
        while len(warming) < WARM_UP_PASSES and sum(warming) < WARM_UP_SECONDS:
            warming.append(timed_pass(network, image))
        times: list[float] = []
        while len(times) < TIMED_PASSES and (len(times) < FEWEST_PASSES or sum(times) < ENOUGH_SECONDS):
            times.append(timed_pass(network, image))
    return of_times(times)


def of_times(seconds: list[float]) -> Latency:
    """Summarize timed passes.

    >>> of_times([0.001] * 99 + [1.0]).p95_ms, of_times([0.001, 0.002, 0.004])
    (1.0, Latency(median_ms=2.0, p95_ms=None, passes=3))
    """
    known = len(seconds) >= PASSES_FOR_P95
    p95 = statistics.quantiles(seconds, n=20, method="inclusive")[-1] if known else None
    return Latency(1000 * statistics.median(seconds), None if p95 is None else 1000 * p95, len(seconds))


def noise(images: int, input_shape: tuple[int, int, int], device: torch.device) -> Tensor:
    """Return the same image of normal noise, repeated: images x C x H x W."""
    one = torch.randn(1, *input_shape, generator=torch.Generator().manual_seed(0))
    return one.to(device).repeat(images, 1, 1, 1)


def timed_pass(network: nn.Module, images: Tensor) -> float:
    """Return the seconds that one forward pass takes."""
    started = time.perf_counter()
    network(images).cpu()  # waits for the device
    return time.perf_counter() - started


@contextmanager
def evaluating(network: nn.Module) -> Iterator[None]:
    """Put the network into evaluation mode for the block, then restore the mode of each module."""
    modes = [(module, module.training) for module in network.modules()]
    network.eval()
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training
