"""The GPUs of this machine, of which each process that trains gets one."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Sequence

import torch

from convstudy.errors import StudyError
from convstudy.wording import plural

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


def least_used(gpus: Sequence[str], used: Iterable[str], number: int = 1) -> tuple[str, ...]:
    """Return the GPUs with the fewest processes, the first ones of several.

    >>> least_used(("0", "1"), ["0"]), least_used(("0", "1"), ["1", "0"])
    (('1',), ('0',))
    >>> least_used(("0", "1", "2", "3"), ["0", "1"], number=2)
    ('2', '3')
    """
    times = Counter(used)
    return tuple(sorted(gpus, key=lambda gpu: times[gpu])[:number])


def require_gpus(device: torch.device, processes: int) -> None:
    """Check that each process of a run can have a GPU of its own, if it trains on GPUs.

    Raises: StudyError, if it cannot.

    >>> require_gpus(torch.device("cpu"), 2)
    >>> require_gpus(torch.device("cuda:1"), 2)
    Traceback (most recent call last):
    convstudy.errors.StudyError: processes_per_run is 2, which needs `device` cuda or cpu, but it is cuda:1
    """
    if processes == 1 or device.type == "cpu":
        return
    if device.type != "cuda" or ":" in str(device):
        raise StudyError(
            f"processes_per_run is {processes}, which needs `device` cuda or cpu, but it is {device}",
            setting="processes_per_run",
        )
    if (found := len(gpus_of(device))) < processes:
        raise StudyError(
            f"processes_per_run is {processes}, but torch finds {plural(found, 'GPU')} on this machine; expected at "
            "most that number, or set `device` to cpu",
            setting="processes_per_run",
        )
