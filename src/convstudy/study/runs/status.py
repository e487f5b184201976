"""Which process works on a run: noted in the run's folder meanwhile, to tell a run that goes on from a killed one."""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from convstudy.errors import ConvstudyError
from convstudy.files import write_json
from convstudy.processes import place
from convstudy.study.runs.folder import RunFolder

SAME_START = 60.0  # seconds by which a process's start may differ between two looks: the clock may be set meanwhile
LATELY = 600.0  # seconds; a run writes a checkpoint each minute while it trains


@contextmanager
def noted_process(folder: RunFolder) -> Iterator[None]:
    """Note this process in a run's folder while the block lasts; of several that train together, the first one."""
    if not place().first:
        yield
        return
    with suppress(OSError):  # a folder that cannot be written is told of by the run itself
        write_json(folder.process, {"host": platform.node(), "pid": os.getpid(), "started": _started(os.getpid())})
    try:
        yield
    finally:
        with suppress(OSError):
            folder.process.unlink(missing_ok=True)


def at_work(folder: RunFolder) -> bool:
    """Whether the process that a run's folder names is alive.

    Of one on another machine that cannot be known: then whether anything in the folder has changed lately.
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
    """When a process began, by which it is told from a later one of the same number; None, where there is none."""
    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else float(process.create_time())
    except psutil.Error:
        return None


@contextmanager
def noted_failure(folder: RunFolder) -> Iterator[None]:
    """Note in the run's folder the error that ends it; one that is done again has none at first."""
    with suppress(OSError):  # a folder that cannot be written is told of by the run itself
        folder.failure.unlink(missing_ok=True)
    try:
        yield
    except ConvstudyError as error:
        with suppress(OSError):
            if place().first and folder.path.is_dir():
                write_json(folder.failure, {"error": str(error)})
        raise
