"""Torch's dtypes by name."""

from __future__ import annotations

import torch

from convstudy.errors import UnknownNameError


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
    known = {key: value for key, value in vars(torch).items() if isinstance(value, torch.dtype)}
    if name not in known:
        raise UnknownNameError("dtype", name, [key for key, value in known.items() if str(value) == f"torch.{key}"])
    return known[name]
