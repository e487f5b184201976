"""Ctrl-C, as the command line handles it."""

from __future__ import annotations

import signal
from types import FrameType
from typing import NoReturn

INTERRUPTED = 130  # exit status after Ctrl-C: 128 plus the number of the signal


class Interrupted(KeyboardInterrupt):
    """Raised on Ctrl-C.

    Where Python's own KeyboardInterrupt passes an `exec` of text, as in the making of a dataclass, Python ends by the
    signal at last, whatever exit status the program asks for.
    """


def interrupt(_: int, __: FrameType | None) -> NoReturn:
    """Handle SIGINT."""
    raise Interrupted


def handle_ctrl_c() -> None:
    """Raise Interrupted on Ctrl-C from now on, unless it is ignored or handled otherwise."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, interrupt)
