"""Whether an error says that memory is full."""

from __future__ import annotations

import torch

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
