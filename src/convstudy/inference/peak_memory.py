"""How much memory work takes, measured where torch allocates it."""

from __future__ import annotations

import gc
import json
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

ALLOCATION = "[memory]"  # the profiler's events of the allocator
QUIET = "KINETO_LOG_LEVEL"  # at 0 the profiler writes to the terminal when it starts, and that there is no GPU


def peak_bytes(work: Callable[[], object], device: torch.device) -> int | None:
    """The most bytes that `work` holds at once in torch's memory of the device, above what was held before.

    That is tensors and the workspaces of operations: on a GPU `torch.cuda.max_memory_allocated`, on the CPU, where the
    process's own peak belongs to everything it ever did, the running sum of the allocations that torch.profiler sees.
    What libraries allocate past torch, and what an allocator keeps back, is not in it. None for other devices, and
    where another profiler is at work.

    >>> peak_bytes(lambda: [torch.zeros(1000) for _ in range(3)], torch.device("cpu"))
    12000
    """
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        before = torch.cuda.memory_allocated(device)
        work()
        return torch.cuda.max_memory_allocated(device) - before
    if device.type != "cpu" or torch._C._autograd._profiler_enabled():
        return None
    return _peak(_allocations(work))


def _allocations(work: Callable[[], object]) -> Iterator[tuple[int, int]]:
    """Address and bytes of each block that is allocated, and, with a minus, of each that is given back."""
    cpu = [torch.profiler.ProfilerActivity.CPU]
    with tempfile.TemporaryDirectory() as folder:
        trace = Path(folder) / "trace.json"
        with _quiet(), torch.profiler.profile(activities=cpu, profile_memory=True) as profiler:
            work()
        profiler.export_chrome_trace(str(trace))
        events = json.loads(trace.read_text(encoding="utf-8"))["traceEvents"]
    found = [event for event in events if event.get("name") == ALLOCATION]
    for event in sorted(found, key=lambda event: float(event["ts"])):
        yield event["args"]["Addr"], event["args"]["Bytes"]


def _peak(allocations: Iterable[tuple[int, int]]) -> int:
    """The largest sum of the blocks that are held; of those that were there before nothing is known.

    >>> _peak([(1, 100), (2, 50), (1, -100), (9, -999), (3, 70)])
    150
    """
    held: dict[int, int] = {}
    now = peak = 0
    for address, num_bytes in allocations:
        now += num_bytes if num_bytes > 0 else -held.get(address, 0)
        held[address] = max(num_bytes, 0)
        peak = max(peak, now)
    return peak


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the profiler's words, and without a collection of garbage, which would give back what others held."""
    speaking, collecting = QUIET not in os.environ, gc.isenabled()
    if speaking:
        os.environ[QUIET] = "9"
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()
        if speaking:
            os.environ.pop(QUIET, None)
