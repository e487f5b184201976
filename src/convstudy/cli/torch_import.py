"""PyTorch, imported by a command."""

from __future__ import annotations

import sys

from convstudy.uncollected import uncollected


def import_torch() -> None:
    """Import PyTorch, if it is not yet imported, without looking for garbage.

    At exit, all that came later is looked at, which some libraries expect.
    """
    if "torch" in sys.modules:
        return
    with uncollected():
        import torch  # noqa: F401
