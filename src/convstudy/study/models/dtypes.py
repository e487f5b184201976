"""The dtypes of inputs by name."""

from __future__ import annotations

import torch

from convstudy.errors import UnknownNameError

NAMES = [
    "float32",
    "float64",
    "float16",
    "bfloat16",
    "int64",
    "int32",
    "int16",
    "int8",
    "uint8",
    "bool",
    "complex64",
    "complex128",
]
ALIASES = ["float", "double", "half", "long", "int", "short"]  # torch's own


def dtype_of(name: str) -> torch.dtype:
    """Return the dtype of a name.

    Raises: UnknownNameError, with the closest name.

    >>> dtype_of("int64"), dtype_of("long")
    (torch.int64, torch.int64)
    >>> dtype_of("int46")
    Traceback (most recent call last):
    ...
    convstudy.errors.UnknownNameError: no dtype is named 'int46'; did you mean 'int64'?
    """
    if name not in {*NAMES, *ALIASES}:
        raise UnknownNameError("dtype", name, NAMES)
    found: torch.dtype = getattr(torch, name)
    return found
