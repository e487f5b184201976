"""Imports without looking for garbage, of which they leave little; looking takes a quarter of the time of PyTorch's."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """Switch Python's garbage collector off while the block imports, and let it ignore afterwards what is there then.

    What has been imported lives as long as the process, so looking at it again and again finds nothing. In forks of the
    process it also stays shared, because nothing is noted down in it.
    """
    collected = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if collected:
            gc.enable()
