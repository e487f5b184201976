"""What a terminal shows until the first results of a command: what the command is waiting for."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.status import Status


def reading_networks_and_data() -> Status:
    """Return a line that is on a terminal while the block runs, and nowhere else.

    It is shown before PyTorch is imported. Of several processes that torchrun starts, the first one shows it.
    """
    from rich.console import Console

    console = Console(quiet=os.environ.get("RANK", "0") != "0")
    return console.status("reading networks and data", spinner="line", refresh_per_second=4)  # in ASCII
