"""The state of a run as its folder tells it: which process works on it, and what ended it if it failed."""

from __future__ import annotations

import json
import os
import platform
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from convstudy.errors import ConvstudyError, ModelError
from convstudy.files import write_json
from convstudy.processes import place
from convstudy.study.runs.folder import RunFolder

SAME_START = 60.0  # seconds by which a process's start may differ between two looks: the clock may be set meanwhile
LATELY = 600.0  # seconds; a run writes a checkpoint each minute while it trains
OWN_CODE = ("convstudy", "torch", "torchvision")  # packages whose lines say little about an error in a user's network


@contextmanager
def noted_process(folder: RunFolder) -> Iterator[None]:
    """Note this process in a run's folder while the block runs; of several that train together, the first one."""
    if not place().first:
        yield
        return
    with suppress(OSError):  # a folder that cannot be written is reported by the run itself
        write_json(folder.process, {"host": platform.node(), "pid": os.getpid(), "started": _started(os.getpid())})
    try:
        yield
    finally:
        with suppress(OSError):
            folder.process.unlink(missing_ok=True)


def at_work(folder: RunFolder) -> bool:
    """Return whether the process that a run's folder names is alive.

    That of another machine cannot be looked at: then, whether anything in the folder has changed lately.
    """
    try:
        noted = json.loads(folder.process.read_text(encoding="utf-8"))
        if noted["host"] == platform.node():
            started = _started(noted["pid"])
            return started is not None and abs(started - noted["started"]) < SAME_START
    except (OSError, ValueError, KeyError, TypeError):
        return False
    return time.time() - _last_change(folder.path) < LATELY


def _last_change(folder: Path) -> float:
    times = [0.0]
    for path in folder.rglob("*"):
        with suppress(OSError):  # drafts come and go
            times.append(path.stat().st_mtime)
    return max(times)


def _started(pid: int) -> float | None:
    """Return when a process began, which tells it from a later one of the same number; None if there is none."""
    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else float(process.create_time())
    except psutil.Error:
        return None


@contextmanager
def noted_failure(folder: RunFolder, title: str) -> Iterator[None]:
    """Record in the run's folder the error that ends it; a run that is repeated starts without one.

    Raises: ModelError, in one line, instead of any error that is not ours: it comes from the user's network.
    """
    with suppress(OSError):  # a folder that cannot be written is reported by the run itself
        folder.failure.unlink(missing_ok=True)
    try:
        yield
    except ConvstudyError as error:
        note_failure(folder, str(error))
        raise
    except OSError:
        raise
    except Exception as error:
        note_failure(folder, f"{title}: {in_one_line(error)}", traceback.format_exc())
        raise ModelError(f"{title}: {in_one_line(error)}; the traceback is in {folder.failure}") from error


def note_failure(folder: RunFolder, reason: str, trace: str = "") -> None:
    """Record what ended a run, as far as its folder can be written; the first process does it."""
    with suppress(OSError):
        if place().first and folder.path.is_dir():
            write_json(folder.failure, {"error": reason, "traceback": trace})


def failure_reason(folder: RunFolder) -> str:
    """Return what ended the run; empty if nothing did."""
    if folder.complete or not folder.failure.exists():
        return ""
    reason: str = json.loads(folder.failure.read_text(encoding="utf-8"))["error"]
    return reason


def in_one_line(error: Exception) -> str:
    """Return an error's type and message, and the line of the user's own code that it came from.

    >>> in_one_line(TypeError("unsupported\\n  operand"))
    'TypeError: unsupported operand'
    """
    frames = traceback.extract_tb(error.__traceback__)
    users = [frame for frame in frames if not set(Path(frame.filename).parts) & set(OWN_CODE)]
    place_of = f" ({users[-1].filename}, line {users[-1].lineno})" if users else ""
    return f"{type(error).__name__}: {' '.join(str(error).split())}{place_of}"
