"""SIGTERM, which schedulers send before they end a process: treated as the first Ctrl-C."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

TERMINATED = 143  # exit status after SIGTERM: 128 plus the number of the signal
received: list[int] = []


@contextmanager
def sigterm_as_ctrl_c() -> Iterator[None]:
    """Do on SIGTERM what is done on Ctrl-C, while the block runs in the main thread.

    Processes that torchrun started are left alone: it sends SIGTERM to those that have lost one of them.
    """
    received.clear()
    if threading.current_thread() is not threading.main_thread() or int(os.environ.get("WORLD_SIZE", "1")) > 1:
        yield
        return

    def ask(number: int, frame: FrameType | None) -> None:
        received.append(number)
        on_ctrl_c = signal.getsignal(signal.SIGINT)
        if callable(on_ctrl_c):
            on_ctrl_c(signal.SIGINT, frame)

    before = signal.signal(signal.SIGTERM, ask)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
