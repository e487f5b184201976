"""Status of a run, stored in its folder: the process that works on it, and the error if it failed."""

from __future__ import annotations

import json
import os
import platform
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from convstudy.errors import ConvstudyError, ModelError, place_in_user_code
from convstudy.files import write_json
from convstudy.processes import ReportedElsewhere, first, lost_connection, place
from convstudy.study.runs.claim import SAME_START, ClaimLost, holder_lives, started
from convstudy.study.runs.folder import RunFolder
from convstudy.wording import reason_of

RECENT = 600.0  # seconds; a run writes a checkpoint every minute while it trains


@contextmanager
def noted_process(folder: RunFolder) -> Iterator[None]:
    """Record this process in a run's folder while the block runs; if several train together, the first one."""
    if not place().first:
        yield
        return
    with suppress(OSError):  # if the folder cannot be written, the run itself reports it
        noted = {"host": platform.node(), "pid": os.getpid(), "started": started(os.getpid())}
        write_json(folder.process, noted, new_folder=False)
    try:
        yield
    except ClaimLost:  # the folder is that of another process
        raise
    except BaseException:
        _forget_process(folder)
        raise
    _forget_process(folder)


def _forget_process(folder: RunFolder) -> None:
    with suppress(OSError):
        folder.process.unlink(missing_ok=True)


def at_work(folder: RunFolder) -> bool:
    """Return whether the process that has claimed a run, or is recorded in its folder, is alive.

    For a process of another machine, return whether a file in the folder changed in the last ten minutes.
    """
    if (lives := holder_lives(folder.path)) is not None:
        return lives
    try:
        noted = json.loads(folder.process.read_text(encoding="utf-8"))
        if noted["host"] == platform.node():
            start = started(noted["pid"])
            return start is not None and abs(start - noted["started"]) < SAME_START
    except (OSError, ValueError, KeyError, TypeError):
        return False
    return time.time() - _last_change(folder.path) < RECENT


def _last_change(folder: Path) -> float:
    times = [0.0]
    for path in folder.rglob("*"):
        with suppress(OSError):  # temporary files may disappear meanwhile
            times.append(path.stat().st_mtime)
    return max(times)


@contextmanager
def noted_failure(folder: RunFolder, title: str) -> Iterator[None]:
    """Record an error that ends the run in its folder; the record of an earlier attempt is deleted first.

    Raises: ModelError, in one line, in place of an error that is neither a ConvstudyError nor an OSError of the system:
    such errors come from the user's network, which may also try to end the program. If several processes train
    together, each records its own error, and none that another one has ended.
    """
    first(lambda: _forget_failure(folder))
    try:
        yield
    except ConvstudyError as error:
        note_failure(folder, str(error))
        raise
    except (KeyboardInterrupt, ReportedElsewhere, ClaimLost):
        raise
    except BaseException as error:
        if lost_connection(error) or (isinstance(error, OSError) and not place_in_user_code(error)):
            raise
        note_failure(folder, f"{title}: {in_one_line(error)}", traceback.format_exc())
        raise ModelError(f"{title}: {in_one_line(error)}; the traceback is in {folder.failure}") from error


def _forget_failure(folder: RunFolder) -> None:
    with suppress(OSError):  # if the folder cannot be written, the run itself reports it
        folder.failure.unlink(missing_ok=True)


def note_failure(folder: RunFolder, reason: str, trace: str = "") -> None:
    """Record the error that ended a run, if its folder can be written."""
    with suppress(OSError):
        write_json(folder.failure, {"error": reason, "traceback": trace}, new_folder=False)


def failure_reason(folder: RunFolder) -> str:
    """Return the error that ended the run, or an empty text."""
    if folder.complete or not folder.failure.exists():
        return ""
    try:
        return str(json.loads(folder.failure.read_text(encoding="utf-8"))["error"])
    except (OSError, ValueError, KeyError, TypeError):
        return f"{folder.failure} cannot be read"


def in_one_line(error: BaseException) -> str:
    """Return type and message of an error, with the line of the user's code that it came from.

    >>> in_one_line(TypeError("unsupported\\n  operand"))
    'TypeError: unsupported operand'
    """
    return f"{reason_of(error)}{place_in_user_code(error)}"
