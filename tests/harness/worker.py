"""A process that reads one hostile input after another, watched by another process that outlives it."""

from __future__ import annotations

import contextlib
import errno
import io
import multiprocessing
import os
import resource
import shutil
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

import psutil

from convstudy.cli.app import main
from convstudy.errors import ConvstudyError
from tests.harness.inputs import MARK, Files

HANG_SECONDS = 10.0  # of processor time, since the machine may be busy
LARGEST_BYTES = 2 * 2**30
LONGEST_MESSAGE = 4_000  # letters; a message quotes at most a line
OWN = str(Path(main.__code__.co_filename).parents[1])

Call = Callable[[Path], None]


@dataclass(frozen=True)
class Outcome:
    """How a reader ended: `read`, `refused` (with one clear line), or the kind of failure."""

    kind: str
    where: str = ""  # what tells one failure from another
    detail: str = ""
    num_bytes: int = 0  # highest growth of the memory in use

    @property
    def failed(self) -> bool:
        """Whether the reader failed."""
        return self.kind not in {"read", "refused"}


def convstudy(*words: object) -> None:
    """Run the command line; statuses 0 and 1 are results, and 2 with one line on standard error is a refusal."""
    out, err = io.StringIO(), io.StringIO()
    before = sys.argv
    sys.argv = ["convstudy", *map(str, words)]
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            main()
    except SystemExit as ended:
        said = err.getvalue()
        if ended.code in {0, 1, None}:
            return
        last = said.rstrip("\n").rpartition("\n")[2]
        if ended.code != 2 or not last.startswith("error: ") or "Traceback" in said or len(last) > LONGEST_MESSAGE:
            raise AssertionError(f"status {ended.code}: {said[-600:]}") from None
        raise ConvstudyError(last) from None
    finally:
        sys.argv = before


def outcome_of(call: Call, folder: Path) -> Outcome:
    """Read the files in a folder, which is the current one, and return how that ended."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            call(folder)
        kind, where, detail = "read", "", ""
    except ConvstudyError as error:
        message = str(error)
        good = message and "\n" not in message and len(message) <= LONGEST_MESSAGE
        kind, where, detail = ("refused", "", message) if good else ("message", _place(error), message)
    except OSError as error:  # the command line prints it as `FILE: REASON`
        named = error.errno not in {None, errno.EINVAL} and error.strerror
        kind, where = ("refused", "") if named else ("error", f"{type(error).__name__} in {_place(error)}")
        detail = "".join(traceback.format_exception(error))[-2_000:]
    except BaseException as error:
        kind, where = "error", f"{type(error).__name__} in {_place(error)}"
        detail = "".join(traceback.format_exception(error))[-2_000:]
    if Path(MARK).exists():
        kind, where = "pickled code ran", call.__name__
    return Outcome(kind, where, detail)


def _place(error: BaseException) -> str:
    frames = [each for each in traceback.extract_tb(error.__traceback__) if each.filename.startswith(OWN)]
    return f"{Path(frames[-1].filename).name}:{frames[-1].name}" if frames else "?"


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _work(calls: Mapping[str, Call], pipe: Connection) -> None:
    data = psutil.Process().memory_info().data
    resource.setrlimit(resource.RLIMIT_DATA, (data + 2 * LARGEST_BYTES, resource.RLIM_INFINITY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    sys.stdin = Path(os.devnull).open()  # noqa: SIM115 - of the whole process
    while True:
        name, folder = pipe.recv()
        os.chdir(folder)
        _forget_peak()
        before = psutil.Process().memory_info().rss
        found = outcome_of(calls[name], Path(folder))
        grown = max(0, _peak() - before)
        if grown > LARGEST_BYTES and not found.failed:
            found = Outcome("memory", name, f"{grown:,} bytes")
        pipe.send(Outcome(found.kind, found.where, found.detail, grown))


def _forget_peak() -> None:
    with contextlib.suppress(OSError):  # of Linux; elsewhere the peak is that of all inputs so far
        Path("/proc/self/clear_refs").write_text("5")


class Worker:
    """A process that reads inputs, and is replaced if it crashes or hangs."""

    def __init__(self, calls: Mapping[str, Call]) -> None:
        self._calls = calls
        self._scratch = Path(tempfile.mkdtemp(prefix="convstudy-fuzz-"))
        self._start()

    def _start(self) -> None:
        self._pipe, far = multiprocessing.Pipe()
        context = multiprocessing.get_context("fork")
        self._process = context.Process(target=_work, args=(self._calls, far), daemon=True)
        self._process.start()
        far.close()

    def read(self, name: str, files: Files) -> Outcome:
        """Return how a reader ends with these files in an otherwise empty folder."""
        folder = self._scratch / "in"
        shutil.rmtree(folder, ignore_errors=True)
        for path, content in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(content)
        folder.mkdir(exist_ok=True)
        process = psutil.Process(self._process.pid)
        start = sum(process.cpu_times()[:2])
        self._pipe.send((name, str(folder)))
        since = time.monotonic()
        while not self._pipe.poll(0.5):
            if not self._process.is_alive():
                break
            if sum(process.cpu_times()[:2]) - start > HANG_SECONDS or time.monotonic() - since > 30 * HANG_SECONDS:
                self._restart()
                return Outcome("hang", name, f"over {HANG_SECONDS:.0f} seconds")
        try:
            found: Outcome = self._pipe.recv()
        except EOFError:
            self._process.join()
            code = self._process.exitcode
            self._restart()
            return Outcome("crash", name, f"the process ended with {code}")
        return found

    def _restart(self) -> None:
        self._process.kill()
        self._process.join()
        self._start()

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.join()
        shutil.rmtree(self._scratch, ignore_errors=True)
