"""Locks on open files, by which other processes see that their holder lives: the system releases them when it dies.

Processes of one machine see each other's locks whatever their PID namespace. Where there are no such locks (Windows,
some network file systems) the answer is `Lock.UNKNOWN`.
"""

from __future__ import annotations

from contextlib import suppress
from enum import Enum
from functools import cache
from pathlib import Path

try:
    import fcntl
except ImportError:
    LOCKS = False  # Windows
else:
    LOCKS = True


BOOT = Path("/proc/sys/kernel/random/boot_id")


class Lock(Enum):
    """Result of asking for a lock."""

    OURS = "ours"
    HELD = "held"  # by another process
    UNKNOWN = "unknown"  # there are no locks here


def lock(descriptor: int, *, shared: bool = False, wait: bool = False) -> Lock:
    """Lock an open file until it is closed, in this process and in its forks.

    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile() as file, open(file.name) as other:
    ...     lock(file.fileno()), lock(other.fileno(), shared=True)
    (<Lock.OURS: 'ours'>, <Lock.HELD: 'held'>)
    """
    if not LOCKS:
        return Lock.UNKNOWN
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        return Lock.HELD
    except OSError:
        return Lock.UNKNOWN
    return Lock.OURS


@cache
def boot() -> str:
    """Return what identifies this start of this machine, the same in all its containers; empty if it is not known."""
    with suppress(OSError):
        return BOOT.read_text(encoding="ascii").strip().replace("-", "")
    return ""
