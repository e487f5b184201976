"""Large arrays of bytes that are files in memory, so that other processes can map them instead of getting a copy."""

from __future__ import annotations

import math
import mmap
import os
import weakref

import numpy as np
import numpy.typing as npt

LARGE = 1_000_000  # bytes, from which on a file of its own is worth it


def new_array(shape: tuple[int, ...]) -> npt.NDArray[np.uint8]:
    """Return an array of bytes to be filled. On Linux, a large one is a file in memory, which is as fast.

    >>> new_array((2, 3)).shape
    (2, 3)
    """
    size = math.prod(shape)
    if size < LARGE or not hasattr(os, "memfd_create"):
        return np.empty(shape, np.uint8)
    file = os.memfd_create("convstudy")
    try:
        os.ftruncate(file, size)
        memory = mmap.mmap(file, size)
    except BaseException:
        os.close(file)
        raise
    array = np.frombuffer(memory, np.uint8)
    start = address_of(array)
    _files[start] = size, file
    weakref.finalize(memory, _close, start).atexit = False  # when the last array that uses it is gone
    return array.reshape(shape)


def file_of(array: npt.NDArray[np.uint8]) -> tuple[int, int] | None:
    """Return the file in memory that contains the bytes of an array, and where they begin in it; None if none does.

    The array is contiguous, and may be a part of one that `new_array` has made.
    """
    start = address_of(array)
    for begin, (size, file) in _files.copy().items():  # from which an array that ends meanwhile is removed
        if begin <= start and start + array.nbytes <= begin + size:
            return file, start - begin
    return None


def address_of(array: npt.NDArray[np.uint8]) -> int:
    """Return the address of an array's first byte."""
    address: int = array.__array_interface__["data"][0]
    return address


def _close(start: int) -> None:
    os.close(_files.pop(start)[1])


_files: dict[int, tuple[int, int]] = {}  # size and file of each array in a file, by its address
