"""Whether an error says that memory is full."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import torch

Result = TypeVar("Result")

SAYINGS = (  # of torch's allocators for MPS and the CPU, and of CUDA's libraries
    "out of memory",
    "can't allocate memory",
    "ALLOC_FAILED",
)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether it does, on a GPU or the CPU.

    >>> is_out_of_memory(torch.OutOfMemoryError("CUDA out of memory.")), is_out_of_memory(RuntimeError("shapes"))
    (True, False)
    """
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(saying in str(error) for saying in SAYINGS)


def fitting(work: Callable[[int], Result], batch_size: int) -> Result:
    """What `work` gives for a batch size: half of it as often as the memory wants it, for the answers do not change.

    Raises: the error of the memory, when there is no room for a batch of one.
    """
    while True:
        try:
            return work(batch_size)
        except (RuntimeError, MemoryError) as error:
            if batch_size == 1 or not is_out_of_memory(error):
                raise
        batch_size //= 2
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
