"""The process whose forks are workers, as a fork of this one: it need not import PyTorch again, and shares its memory.

`multiprocessing` would start a new Python, which imports PyTorch first. A fork is safe while this process has imported
PyTorch but not yet used it, and has no threads of its own.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import traceback
import warnings
from collections.abc import Sequence
from importlib import import_module
from multiprocessing import forkserver, resource_tracker, util
from typing import Any

from convstudy.uncollected import uncollected

WORKERS = "convstudy.study.runs.workers"
FIRST_FILE = 3  # after standard input, output and error


def fork_server() -> None:
    """Make a fork of this process the server that `multiprocessing` asks for workers, unless it has one.

    To be called before PyTorch is used, because its threads do not survive a fork, and who uses them then waits for
    ever. Workers then begin with the modules that are imported now, and workers.py. Elsewhere than on Linux, and in a
    process with threads, nothing happens.
    """
    if sys.platform != "linux" or threading.active_count() > 1:
        return
    with uncollected():
        import_module(WORKERS)
    sys.stdout.flush()  # what waits there would be written by each fork, too
    forkserver.set_forkserver_preload([WORKERS])
    resource_tracker.ensure_running()  # a program of its own
    start, vars(util)["spawnv_passfds"] = util.spawnv_passfds, _forked
    try:
        forkserver.ensure_running()
    finally:
        vars(util)["spawnv_passfds"] = start


def _forked(_: Any, words: Sequence[Any], files: Sequence[int]) -> int:
    """Do in a fork what a new Python would do that gets these words, the last one a program; return its number.

    As in a new Python, only the given files are open beside the standard ones, and signals have their usual effect.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of forks beside threads: those of libraries, which wait
        process = os.fork()
    if process:
        return process
    status = 1
    try:
        for each in (signal.SIGINT, signal.SIGTERM):
            signal.signal(each, signal.SIG_DFL)
        first = FIRST_FILE
        for file in [*sorted(files), os.sysconf("SC_OPEN_MAX")]:
            os.closerange(first, file)
            first = file + 1
        exec(words[-1], {})
        status = 0
    except SystemExit:
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(status)
