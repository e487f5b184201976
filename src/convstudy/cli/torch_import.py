"""PyTorch, imported by a command."""

from __future__ import annotations

import atexit
import gc
import sys

from convstudy.uncollected import uncollected


def import_torch() -> None:
    """Import PyTorch, if it is not yet imported, without looking for garbage.

    None is looked for when the process exits, either: the process ends anyway.
    """
    if "torch" in sys.modules:
        return
    with uncollected():
        import torch  # noqa: F401
    atexit.register(gc.freeze)
