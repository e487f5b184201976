"""PyTorch, imported without looking for garbage, of which an import leaves little: a quarter of its time otherwise."""

from __future__ import annotations

import atexit
import gc
import sys


def import_torch() -> None:
    """Import PyTorch, if it is not yet imported, with Python's garbage collector switched off.

    What has been imported then lives as long as the process, so the collector never looks at it again, nor at anything
    when the process exits. The collector is switched on again before any network is built or run.
    """
    if "torch" in sys.modules:
        return
    collected = gc.isenabled()
    gc.disable()
    try:
        import torch  # noqa: F401
    finally:
        gc.freeze()
        if collected:
            gc.enable()
    atexit.register(gc.freeze)
