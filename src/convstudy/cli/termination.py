"""SIGTERM, which schedulers send before they end a process: treated as the first Ctrl-C."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from convstudy.ctrl_c import interrupt

TERMINATED = 143  # exit status after SIGTERM: 128 plus the number of the signal
received: list[int] = []


@contextmanager
def sigterm_as_ctrl_c() -> Iterator[None]:
    """Do on SIGTERM what is done on Ctrl-C, while the block runs in the main thread.

    A process that a script started in its background ignores Ctrl-C, but not SIGTERM. Processes that torchrun started
    are left alone: it sends SIGTERM to those that have lost one of them.
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
        with _ctrl_c_blocked_if_ignored():
            yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _ctrl_c_blocked_if_ignored() -> Iterator[None]:
    """Let the handler of Ctrl-C be the usual one, which SIGTERM needs, although Ctrl-C stays without effect."""
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN or not hasattr(signal, "pthread_sigmask"):
        yield
        return
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    signal.signal(signal.SIGINT, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
