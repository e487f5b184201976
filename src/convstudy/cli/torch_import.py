"""PyTorch, imported by a command."""

from __future__ import annotations

import sys

from convstudy.uncollected import uncollected


def import_torch() -> bool:
    """Import PyTorch, if it is not yet imported, without looking for garbage; return whether it was not.

    At exit, all that came later is looked at, which some libraries expect.
    """
    if "torch" in sys.modules:
        return False
    with uncollected():
        import torch  # noqa: F401
    return True
