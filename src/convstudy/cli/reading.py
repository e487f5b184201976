"""What a terminal shows until the first results of a command: what the command is waiting for."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
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


@contextmanager
def without_thread(status: Status) -> Iterator[None]:
    """Stop the thread that draws the line, and the line, while the block runs."""
    before = threading.enumerate()
    status.stop()
    for thread in before:
        if thread not in (threading.current_thread(), threading.main_thread()):
            thread.join(1.0)  # Rich asks it to end, and does not wait
    try:
        yield
    finally:
        status.start()
