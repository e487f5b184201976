"""Measurement of the fastest number of threads for training on this CPU; small networks are often slower on all."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from itertools import takewhile

import torch
from torch import nn

from convstudy.data.cache import cache_folder
from convstudy.errors import ConvstudyError
from convstudy.files import write_json
from convstudy.processes import place
from convstudy.study.runs.environment import processor
from convstudy.training.objective import objective

ROUNDS = 3
LARGEST_BATCH = 32  # images of a timed step: enough for a comparison
ENOUGH_SECONDS = 1.0  # a step that takes longer benefits from all cores


def fastest_threads(
    build: Callable[[], nn.Module], input_shape: tuple[int, int, int], num_classes: int, batch_size: int
) -> int:
    """Return the number of threads (1, 2, 4, ... or all cores) with which a training step on the CPU is fastest.

    Processes that train together on one machine share its cores.

    A separate network is timed; the global random state and the number of threads are restored.
    """
    cores = _cores()
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


def remembered_threads(network: Mapping[str, object], measure: Callable[[], int]) -> int:
    """Return the number of threads measured for a network on this machine, from the cache folder or by `measure`.

    So a run that is repeated on a machine gets the same number, and with it the same results.
    """
    here = {"processor": processor(), "cores": _cores(), "torch": str(torch.__version__)}
    digest = hashlib.sha256(json.dumps({**here, **network}, sort_keys=True).encode()).hexdigest()
    file = cache_folder() / "threads" / f"{digest[:32]}.json"
    with suppress(OSError, ValueError, TypeError, KeyError):
        threads = json.loads(file.read_text(encoding="utf-8"))["threads"]
        if threads in range(1, _cores() + 1):
            return int(threads)
    threads = measure()
    with suppress(OSError, ConvstudyError):  # a cache that cannot be written costs time only
        write_json(file, {"threads": threads})
    return threads


def _cores() -> int:
    """Return the number of cores for each process that trains on this machine."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, cores // place().local_world)


def _noise(count: int, input_shape: tuple[int, int, int]) -> torch.Tensor:
    """Return random images: uniform ones would be pooled and rectified faster than real images."""
    return torch.randn(count, *input_shape, generator=torch.Generator().manual_seed(0))


@contextmanager
def working_with(threads: int) -> Iterator[None]:
    """Set torch's number of threads while the block runs."""
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
