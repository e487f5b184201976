"""How many threads a network trains fastest with: small ones are often slower with every core than with one."""

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

LARGEST_BATCH = 32  # images of a timed step: enough to tell
ENOUGH_SECONDS = 1.0  # a step that takes as long on one thread gains from every core


def fastest_threads(
    build: Callable[[], nn.Module], input_shape: tuple[int, int, int], num_classes: int, batch_size: int
) -> int:
    """The number of threads, of 1, 2, 4, ... and all cores, with which a training step on the CPU is fastest.

    Processes of one machine that train together share its cores.

    Timed on a network of its own; the global random state and the number of threads stay as they were.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    cores = max(1, cores // place().local_world)
    candidates = [*takewhile(lambda threads: threads < cores, (2**power for power in range(16))), cores]
    if candidates == [1]:
        return 1
    images = torch.zeros(min(batch_size, LARGEST_BATCH), *input_shape)
    labels = torch.arange(len(images)) % num_classes
    before = torch.get_num_threads()
    found: dict[int, float] = {}
    with torch.random.fork_rng(devices=[]):
        network = build().train()
        try:
            for threads in candidates:
                torch.set_num_threads(threads)
                found[threads] = min(_seconds(network, images, labels) for _ in range(3))
                if found[threads] > ENOUGH_SECONDS:
                    return cores
        finally:
            torch.set_num_threads(before)
    return min(found, key=lambda threads: found[threads])


@contextmanager
def working_with(threads: int) -> Iterator[None]:
    """Let torch work with so many threads; put back their number at the end."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _seconds(network: nn.Module, images: torch.Tensor, labels: torch.Tensor) -> float:
    started = time.perf_counter()
    loss, _ = objective(network(images), labels, 0.0)
    loss.backward()  # type: ignore[no-untyped-call]
    return time.perf_counter() - started
