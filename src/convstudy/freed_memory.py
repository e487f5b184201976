"""Memory that is freed in one step and kept for the next, instead of going back to the operating system in between."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from threading import Lock
from typing import Any

TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3  # parameters of glibc's mallopt
NEVER, FROM_A_GIGABYTE = -1, 2**30
HIGHEST_ITSELF = 32 * 2**20  # bytes up to which glibc raises its threshold of mmap itself; that of trimming is twice it


@contextmanager
def freed_memory_kept(*, give_back: bool = True) -> Iterator[None]:
    """Let glibc's malloc keep what is freed during the block, and give it back at the end, as what is free before it.

    The activations of a step are freed by the next one, which needs as much. By default glibc gives large blocks back
    at once, and the system then clears and maps the same pages again: up to a fifth of a step's CPU-seconds
    (docs/speed.md). Peak memory rises by up to 7%, because kept blocks do not always fit the next request. Blocks may
    be nested. Without `give_back`, which takes time for the next block to undo, malloc only returns to its usual ways
    at the end. Where the C library is another one, nothing changes.

    >>> with freed_memory_kept():
    ...     kept = bytes(2**20)
    """
    library = _glibc()
    if library is None:
        yield
        return
    if give_back and not _depth:
        library.malloc_trim(0)
    _nested(library, +1)
    try:
        yield
    finally:
        _nested(library, -1)
        if give_back and not _depth:
            library.malloc_trim(0)


def _nested(library: Any, change: int) -> None:
    """Enter or leave a block; the outermost one changes the settings."""
    global _depth  # the settings are those of the process
    with _lock:
        before, _depth = _depth, _depth + change
        if not before:
            library.mallopt(MMAP_THRESHOLD, FROM_A_GIGABYTE)
            library.mallopt(TRIM_THRESHOLD, NEVER)
        elif not _depth:
            library.mallopt(MMAP_THRESHOLD, HIGHEST_ITSELF)
            library.mallopt(TRIM_THRESHOLD, 2 * HIGHEST_ITSELF)


@cache
def _glibc() -> Any:
    """Return the C library of the process, if it is glibc."""
    if sys.platform != "linux":
        return None
    library = ctypes.CDLL(None)
    return library if hasattr(library, "mallopt") and hasattr(library, "malloc_trim") else None


_depth = 0
_lock = Lock()
