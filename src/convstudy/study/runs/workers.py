"""Worker processes: several runs at the same time, one process each, without an effect on their results."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkServerContext, SpawnContext
from multiprocessing.process import BaseProcess
from typing import Any

import cloudpickle
import torch

from convstudy.errors import ConvstudyError, StudyError
from convstudy.processes import place, started_by_torchrun
from convstudy.study.runs.claim import BEAT, POLL, ClaimLost
from convstudy.study.runs.events import Event, OnEvent, RunEnded, RunFailed
from convstudy.study.runs.perform import perform
from convstudy.study.runs.sharing import SharedRuns
from convstudy.study.runs.status import in_one_line, note_failure
from convstudy.study.runs.task import Task
from convstudy.study.runs.tuning import working_with

KILLED = "the process was killed, possibly because it ran out of memory; reduce `jobs` or `batch_size` to use less"


def perform_all(tasks: Sequence[Task], jobs: int, threads: int, on_event: OnEvent) -> tuple[RunFailed, ...]:
    """Perform the tasks, `jobs` at a time, each with `threads` threads; return the runs that failed.

    A run that fails, or whose process is killed, does not stop the other runs. Other processes may perform tasks of the
    same folders at the same time: each task is performed by one of them, and this returns when all are done.

    Raises: StudyError, if a folder cannot be written, or under torchrun, whose processes train one network together.
    """
    if started_by_torchrun() and place().alone:
        raise StudyError(
            "torchrun starts processes that train one network together, as `convstudy train` does; "
            "start `convstudy compare` without torchrun, and set `jobs` to the number of runs at the same time",
            setting="jobs",
        )
    runs = SharedRuns(tasks, on_event)
    jobs = min(jobs, len(tasks))
    try:
        if jobs <= 1:
            with working_with(threads):
                while task := runs.next(wait=True):
                    _perform_here(task, runs)
        else:
            pool = _Pool(threads)
            try:
                pool.perform(runs, jobs)
            finally:
                pool.stop()
    finally:
        runs.give_back_all()
    return tuple(runs.failed)


def _perform_here(task: Task, runs: SharedRuns) -> None:
    try:
        failed = _attempt(task, partial(runs.observed, task))
    except ClaimLost as lost:
        runs.lost(task, str(lost))
        return
    if failed:
        runs.failed.append(failed)
    runs.give_back(task)


def _attempt(task: Task, on_event: OnEvent) -> RunFailed | None:
    """Perform a task; return its failure instead of raising it."""
    try:
        perform(task, on_event)
    except Exception as error:
        failed = _failure(task, str(error) if isinstance(error, ConvstudyError) else in_one_line(error))
        on_event(failed)
        return failed
    return None


def _failure(task: Task, reason: str) -> RunFailed:
    return RunFailed(index=task.index, model=task.model, seed=task.seed, reason=reason)


@dataclass
class _Worker:
    """A process that performs one task after another, and its current task."""

    process: BaseProcess
    task: Task | None = None


class _Pool:
    """Worker processes, by the connection on which they send their events."""

    def __init__(self, threads: int) -> None:
        self._threads = threads
        self._workers: dict[Connection, _Worker] = {}

    def perform(self, runs: SharedRuns, jobs: int) -> None:
        """Distribute the runs as they can be claimed, and forward the events, until all have ended."""
        while True:
            while len(self._busy) < jobs and (task := runs.next()):
                self._begin(task)
            if not self._busy:
                if not runs.waiting:
                    return
                runs.note_others()
            for connection in wait(list(self._busy), POLL if runs.waiting or not self._busy else BEAT):
                assert isinstance(connection, Connection)
                self._take_event(connection, runs)
            self._stop_lost(runs)

    @property
    def _busy(self) -> dict[Connection, Task]:
        return {connection: worker.task for connection, worker in self._workers.items() if worker.task}

    def stop(self) -> None:
        """Terminate all workers."""
        for connection in list(self._workers):
            self._end(connection)

    def _begin(self, task: Task) -> None:
        """Let an idle worker perform a task, or a new one; a worker that was killed meanwhile is replaced."""
        for connection, worker in list(self._workers.items()):
            if worker.task is None and not worker.process.is_alive():
                self._end(connection)
        idle = next((connection for connection, worker in self._workers.items() if worker.task is None), None)
        connection = self._start() if idle is None else idle
        self._workers[connection].task = task
        connection.send_bytes(cloudpickle.dumps(task))  # which pickles classes of a notebook or a script by value

    def _start(self) -> Connection:
        ours, theirs = multiprocessing.Pipe()
        environment = _Environment(self._threads, list(sys.path), dict(os.environ))
        process = start_process(_work, (theirs, environment), daemon=True)
        theirs.close()
        self._workers[ours] = _Worker(process)
        return ours

    def _take_event(self, connection: Connection, runs: SharedRuns) -> None:
        task = self._workers[connection].task
        assert task is not None
        event = self._next_event(connection, task)
        try:
            runs.observed(task, event)
        except ClaimLost as lost:
            self._end(connection)
            runs.lost(task, str(lost))
            return
        if isinstance(event, RunFailed):
            runs.failed.append(event)
        if isinstance(event, RunFailed | RunEnded):
            self._workers[connection].task = None
            runs.give_back(task)

    def _stop_lost(self, runs: SharedRuns) -> None:
        """End the workers whose runs are not ours any more, although they send no events."""
        for connection, task in self._busy.items():
            try:
                runs.check(task)
            except ClaimLost as lost:
                self._end(connection)
                runs.lost(task, str(lost))

    def _next_event(self, connection: Connection, task: Task) -> Event:
        try:
            event: Event = connection.recv()
        except (EOFError, ConnectionResetError):
            self._workers[connection].process.join()
            note_failure(task.folder, f"{task.title}: {KILLED}")
            return _failure(task, f"{task.title}: {KILLED}")
        return event

    def _end(self, connection: Connection) -> None:
        worker = self._workers.pop(connection)
        worker.process.terminate()
        worker.process.join()
        connection.close()


def start_process(target: Callable[..., None], arguments: tuple[Any, ...], *, daemon: bool) -> BaseProcess:
    """Start a process; on Linux as a fork of one that has imported PyTorch, but has not used it yet.

    The process then needs milliseconds to start instead of seconds, and shares the memory of the libraries.
    """
    context: ForkServerContext | SpawnContext = multiprocessing.get_context("spawn")
    if sys.platform == "linux":  # elsewhere system libraries do not survive a fork
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload([__name__, "torch._dynamo"])  # which every optimizer imports at its first step
    process = context.Process(target=target, args=arguments, daemon=daemon)
    with _main_left_out():
        process.start()
    return process


@dataclass(frozen=True)
class _Environment:
    """What a worker takes over from its parent."""

    threads: int
    path: list[str]
    variables: dict[str, str]

    def adopt(self) -> None:
        sys.path[:] = self.path
        os.environ.clear()
        os.environ.update(self.variables)
        torch.set_num_threads(self.threads)


@contextmanager
def _main_left_out() -> Iterator[None]:
    """Prevent a spawned process from running the user's script, which may have no `if __name__ == "__main__"` guard."""
    main = sys.modules["__main__"]
    kept: dict[str, Any] = {name: vars(main)[name] for name in ("__spec__", "__file__") if name in vars(main)}
    main.__spec__ = None
    vars(main).pop("__file__", None)
    try:
        yield
    finally:
        vars(main).update(kept)


def _work(connection: Connection, environment: _Environment) -> None:
    """Perform received tasks until the parent closes the connection or ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent handles Ctrl-C
    threading.Thread(target=_die_with_the_parent, daemon=True).start()
    environment.adopt()
    _keep_tqdm_within_the_process()
    while True:
        try:
            task: Task = cloudpickle.loads(connection.recv_bytes())
        except (EOFError, OSError):
            return
        _attempt(task, partial(_send_event, connection))


def _keep_tqdm_within_the_process() -> None:
    """Give tqdm, with which torch.fx shows its progress, a lock of threads.

    Its own one is a semaphore of the system, which a terminated process leaves behind, and Python warns of that.
    """
    tqdm: Any = vars(torch.hub)["tqdm"]
    if hasattr(tqdm, "set_lock"):
        tqdm.set_lock(threading.RLock())


def _send_event(connection: Connection, event: Event) -> None:
    """Send an event; end this process if the parent is gone, as a killed one: its run did not fail, and can go on."""
    try:
        connection.send(event)
    except OSError:
        os._exit(1)


def _die_with_the_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
