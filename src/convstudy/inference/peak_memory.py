"""Peak memory use, measured in torch's allocator."""

from __future__ import annotations

import gc
import json
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch.autograd.profiler import profile

ALLOCATION = "[memory]"  # the profiler's events of the allocator
QUIET = "KINETO_LOG_LEVEL"  # at 0 the profiler writes to the terminal that it starts and that there is no GPU


def peak_bytes(work: Callable[[], object], device: torch.device) -> int | None:
    """Return the peak memory of `work` in torch's allocator on the device, above what was allocated before.

    This includes tensors and the workspaces of operations. On a GPU it is `torch.cuda.max_memory_allocated`. On the
    CPU, where the peak of the process covers everything it ever did, it is the running sum of the allocations that
    torch.profiler records. Memory that libraries allocate themselves, and memory that an allocator caches, is not
    included. None for other devices, and if another profiler is active.

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
    """Yield the address and bytes of each allocated block, with negative bytes for each freed block."""
    with tempfile.TemporaryDirectory() as folder:
        trace = Path(folder) / "trace.json"
        with _quiet(), profile(use_kineto=True, profile_memory=True) as profiler:  # torch.profiler needs the compiler
            work()
        profiler.export_chrome_trace(str(trace))
        events = json.loads(trace.read_text(encoding="utf-8"))["traceEvents"]
    found = [event for event in events if event.get("name") == ALLOCATION]
    for event in sorted(found, key=lambda event: float(event["ts"])):
        yield event["args"]["Addr"], event["args"]["Bytes"]


def _peak(allocations: Iterable[tuple[int, int]]) -> int:
    """Return the largest sum of allocated blocks; blocks allocated before the recording are unknown.

    >>> _peak([(1, 100), (2, 50), (1, -100), (9, -999), (3, 70)])
    150
    """
    allocated: dict[int, int] = {}
    now = peak = 0
    for address, num_bytes in allocations:
        now += num_bytes if num_bytes > 0 else -allocated.get(address, 0)
        allocated[address] = max(num_bytes, 0)
        peak = max(peak, now)
    return peak


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence the profiler, and pause garbage collection, which would free memory of earlier work."""
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
