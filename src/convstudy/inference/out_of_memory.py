"""Recognition of out-of-memory errors, and retries with smaller batches."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import torch

from convstudy.wording import message_of

Result = TypeVar("Result")

MESSAGES = (  # of torch's allocators for MPS and the CPU, and of CUDA's libraries
    "out of memory",
    "can't allocate memory",
    "ALLOC_FAILED",
)


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an error means out of memory, on a GPU or the CPU.

    >>> is_out_of_memory(torch.OutOfMemoryError("CUDA out of memory.")), is_out_of_memory(RuntimeError("shapes"))
    (True, False)
    """
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(message in message_of(error) for message in MESSAGES)


def fitting(work: Callable[[int], Result], batch_size: int) -> Result:
    """Return the result of `work` for a batch size, which is halved on each out-of-memory error.

    Raises: the out-of-memory error, if a batch of one does not fit.
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
