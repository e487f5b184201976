"""The GPUs of this machine, of which each run gets one."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Sequence

import torch

VARIABLE = "CUDA_VISIBLE_DEVICES"


def gpus_of(device: torch.device) -> tuple[str, ...]:
    """Return what names each GPU that runs may use in CUDA_VISIBLE_DEVICES; empty for a single device or no GPU.

    >>> gpus_of(torch.device("cpu")), gpus_of(torch.device("cuda:1"))
    ((), ())
    """
    if device.type != "cuda" or ":" in str(device):
        return ()
    named = [name.strip() for name in os.environ.get(VARIABLE, "").split(",") if name.strip()]
    count = torch.cuda.device_count()
    return tuple(named[:count]) if named else tuple(map(str, range(count)))


def least_used(gpus: Sequence[str], used: Iterable[str]) -> str:
    """Return the GPU with the fewest processes, the first of several.

    >>> least_used(("0", "1"), ["0"]), least_used(("0", "1"), ["1", "0"])
    ('1', '0')
    """
    times = Counter(used)
    return min(gpus, key=lambda gpu: times[gpu])
