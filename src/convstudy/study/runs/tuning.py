"""Measurement of the fastest number of threads and the fastest memory format for training on this CPU.

Small networks are often slower on all cores than on one, and the faster format depends on network and processor.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import takewhile

import torch
from torch import nn

from convstudy.processes import place
from convstudy.training.objective import objective
from convstudy.training.precision import mixed_precision

ROUNDS, MOST_ROUNDS = 3, 30
LARGEST_BATCH = 32  # images of a timed step: enough for a comparison
ENOUGH_SECONDS = 1.0  # a step that takes longer benefits from all cores; timing stops after this many seconds
SHORT_STEP_SECONDS = 0.25  # a step of a whole batch is timed if it takes less
LEAST_GAIN = 1.05  # speed-up required of channels-last; a smaller one could be noise


def fastest_threads(
    build: Callable[[], nn.Module], input_shape: tuple[int, int, int], num_classes: int, batch_size: int
) -> int:
    """Return the number of threads (1, 2, 4, ... or all cores) with which a training step on the CPU is fastest.

    Processes that train together on one machine share its cores.

    A separate network is timed; the global random state and the number of threads are restored.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    cores = max(1, cores // place().local_world)
    candidates = [*takewhile(lambda threads: threads < cores, (2**power for power in range(16))), cores]
    if candidates == [1]:
        return 1
    images = _noise(min(batch_size, LARGEST_BATCH), input_shape)
    labels = torch.arange(len(images)) % num_classes
    before = torch.get_num_threads()
    found: dict[int, float] = {}
    with torch.random.fork_rng(devices=[]):
        network = build().train()
        try:
            for threads in candidates:
                torch.set_num_threads(threads)
                found[threads] = min(_seconds(network, images, labels) for _ in range(ROUNDS))
                if found[threads] > ENOUGH_SECONDS:
                    return cores
        finally:
            torch.set_num_threads(before)
    return min(found, key=lambda threads: found[threads])


def channels_last_pays(
    build: Callable[[], nn.Module],
    input_shape: tuple[int, int, int],
    num_classes: int,
    batch_size: int,
    *,
    threads: int,
    amp: bool = False,
) -> bool:
    """Return whether the channels-last memory format speeds up a training step on the CPU by at least 5%.

    The formats are timed alternately on a separate network, in CPU seconds, since other programs may be running. The
    global random state and the number of threads are restored. A whole batch is timed if a step is short, because the
    memory that it needs contributes to the difference.
    """
    images = _noise(batch_size, input_shape)
    labels = torch.arange(batch_size) % num_classes
    found: dict[torch.memory_format, list[float]] = {torch.contiguous_format: [], torch.channels_last: []}
    with torch.random.fork_rng(devices=[]), working_with(threads):
        network = build().train()
        few = slice(min(batch_size, LARGEST_BATCH))
        if _seconds(network, images[few], labels[few], amp=amp) * batch_size / LARGEST_BATCH > SHORT_STEP_SECONDS:
            images, labels = images[few], labels[few]
        while not _enough(next(iter(found.values()))):
            for layout, seconds in found.items():
                network, images = network.to(memory_format=layout), images.contiguous(memory_format=layout)
                seconds.append(_seconds(network, images, labels, amp=amp, clock=time.process_time))
    usual, last = (min(seconds) for seconds in found.values())
    return usual >= LEAST_GAIN * last


def _noise(count: int, input_shape: tuple[int, int, int]) -> torch.Tensor:
    """Return random images: uniform ones would be pooled and rectified faster than real images."""
    return torch.randn(count, *input_shape, generator=torch.Generator().manual_seed(0))


def _enough(seconds: list[float]) -> bool:
    return len(seconds) >= ROUNDS and (sum(seconds) >= ENOUGH_SECONDS or len(seconds) >= MOST_ROUNDS)


@contextmanager
def working_with(threads: int) -> Iterator[None]:
    """Set torch's number of threads while the block runs."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _seconds(
    network: nn.Module,
    images: torch.Tensor,
    labels: torch.Tensor,
    *,
    amp: bool = False,
    clock: Callable[[], float] = time.perf_counter,
) -> float:
    started = clock()
    with mixed_precision(images.device, amp):
        output = network(images)
    loss, _ = objective(output, labels, 0.0)
    loss.backward()  # type: ignore[no-untyped-call]
    return clock() - started
