"""The command line in a process of its own, which can be watched, interrupted and killed.

The process is a fork of one that has imported PyTorch, so it starts in a moment.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from types import TracebackType

from convstudy.ctrl_c import interrupt
from convstudy.study.runs.workers import start_process


def _run(
    words: tuple[str, ...], folder: Path, variables: dict[str, str], out: Path, err: Path, background: bool
) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN if background else interrupt)
    for path, stream in ((out, 1), (err, 2)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), stream)
    os.chdir(folder)
    os.environ.update(variables)
    from convstudy.cli.app import main  # noqa: PLC0415

    sys.argv = ["convstudy", *words]
    main()


class Started:
    """`convstudy` with these words, at work in a folder; what it prints is in `out` and `err` when it has ended.

    In the `background`, it ignores Ctrl-C, as what a script starts with `&` does.
    """

    def __init__(self, folder: Path, *words: str, background: bool = False) -> None:
        self._printed = folder / ".stdout", folder / ".stderr"
        variables = {"COLUMNS": "80", "OMP_NUM_THREADS": "1"}
        self.process = start_process(_run, (words, folder, variables, *self._printed, background), daemon=False)

    def __enter__(self) -> Started:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self.process.kill()
        self.process.join()

    @property
    def pid(self) -> int:
        assert self.process.pid is not None
        return self.process.pid

    def poll(self) -> int | None:
        """Return the exit status, negative for a signal, or None while the process runs."""
        return self.process.exitcode

    def send(self, how: signal.Signals) -> int | None:
        """Send a signal, and return the exit status that follows."""
        os.kill(self.pid, how)
        self.process.join()
        return self.process.exitcode

    @property
    def out(self) -> str:
        return self._printed[0].read_text()

    @property
    def err(self) -> str:
        return self._printed[1].read_text()
