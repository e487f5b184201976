"""Worker processes: several runs at the same time, one process each, without an effect on their results."""

from __future__ import annotations

import math
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkServerContext, SpawnContext
from multiprocessing.process import BaseProcess
from types import FrameType
from typing import Any, TypeVar

import cloudpickle
import torch

from convstudy.errors import StudyError, ToolError
from convstudy.processes import FAILED, ReportedElsewhere, joined, place, started_by_torchrun
from convstudy.study.runs.attempt import attempt, failure
from convstudy.study.runs.claim import POLL, ClaimLost
from convstudy.study.runs.environment import make_deterministic
from convstudy.study.runs.events import Event, OnEvent, RunEnded, RunFailed, ignore
from convstudy.study.runs.gpus import VARIABLE, gpus_of, least_used
from convstudy.study.runs.handover import Parcel, Sender
from convstudy.study.runs.meeting import Meeting
from convstudy.study.runs.ray_engine import RayPool
from convstudy.study.runs.sharing import ONE_ATTEMPT, SECONDS_PER_HOUR, Limits, SharedRuns
from convstudy.study.runs.status import in_one_line, note_failure
from convstudy.study.runs.task import Task
from convstudy.study.runs.tuning import working_with

Result = TypeVar("Result")

PRELOADED = "convstudy.study.runs.preloaded"
PRELOADED_TOGETHER = "convstudy.study.runs.preloaded_together"
GRACE = 20.0  # seconds in which a worker that is asked to stop has to write its checkpoint
KILLED = "was killed, possibly because it ran out of memory; reduce `jobs` or `batch_size` to use less"
SEPARATED = "its processes lost the connection to each other"


def perform_all(
    tasks: Sequence[Task], jobs: int, threads: int, on_event: OnEvent, *, limits: Limits = ONE_ATTEMPT
) -> tuple[RunFailed, ...]:
    """Perform the tasks, `jobs` at a time, each with `threads` threads; return the runs that failed.

    Each task is performed by as many processes together as its conditions say, of which each has so many threads.
    A run that fails, or whose process is killed, does not stop the other runs. Other processes may perform tasks of the
    same folders at the same time: each task is performed by one of them, and this returns when all are done.

    Raises: StudyError, if a folder cannot be written, or under torchrun, whose processes train one network together.
    """
    if started_by_torchrun() and place().alone:
        raise StudyError(
            "torchrun starts processes that train one network together, as `convstudy train` does; "
            "start `convstudy compare` without torchrun, with `processes_per_run` if each run takes several",
            setting="processes_per_run",
        )
    runs = SharedRuns(tasks, on_event, limits)
    jobs = min(jobs, len(tasks))
    processes = tasks[0].processes if tasks else 1
    try:
        if limits.engine == "ray" and tasks:
            cluster = RayPool(threads, limits)
            try:
                cluster.perform(runs, limits.jobs)
            finally:
                cluster.stop()
        elif jobs <= 1 and limits.seconds is None and processes == 1:  # a run in this process could not be stopped
            with working_with(threads):
                while task := runs.next(wait=True):
                    _perform_here(task, runs)
        else:
            pool = _Pool(threads, limits.seconds, gpus_of(tasks[0].on) if tasks else (), processes)
            try:
                pool.perform(runs, jobs)
            finally:
                pool.stop()
    finally:
        runs.give_back_all()
    return tuple(runs.failed)


def _perform_here(task: Task, runs: SharedRuns) -> None:
    try:
        while failed := attempt(task, partial(runs.observed, task)):
            if not runs.fails(task, failed):
                return
    except ClaimLost as lost:
        runs.lost(task, str(lost))
        return
    runs.give_back(task)


@dataclass
class _Worker:
    """A process that performs one task after another, or several that perform one task together; and the task."""

    ranks: dict[Connection, BaseProcess]  # those that have not ended; the first one sends the events
    gpus: tuple[str, ...] = ()  # which it uses, if there are several
    meeting: Meeting | None = None  # of several processes
    task: Task | None = None
    begun: float = 0.0  # seconds, of the monotonic clock
    left: float = math.inf  # when the first of several processes ended, for which another one has the reason

    @property
    def several(self) -> bool:
        return self.meeting is not None

    @property
    def lives(self) -> bool:
        return bool(self.ranks) and all(process.is_alive() for process in self.ranks.values())

    def kill(self) -> None:
        for process in self.ranks.values():
            process.kill()
        for process in self.ranks.values():
            process.join()


class _Pool:
    """Worker processes, and what they send."""

    def __init__(self, threads: int, limit: float | None, gpus: Sequence[str] = (), processes: int = 1) -> None:
        self._threads = threads
        self._gpus = gpus
        self._processes = processes  # of each run
        self._limit = limit  # seconds per attempt of a run
        self._workers: list[_Worker] = []
        self._sender = Sender()

    def perform(self, runs: SharedRuns, jobs: int) -> None:
        """Distribute the runs as they can be claimed, and forward the events, until all have ended."""
        while True:
            while len(self._busy) < jobs and (task := runs.next()):
                self._begin(task)
            if not self._busy:
                if not runs.waiting:
                    return
                runs.note_others()
            workers = {connection: worker for worker in self._busy for connection in worker.ranks}
            for connection in wait(list(workers), POLL):
                assert isinstance(connection, Connection)
                if connection in workers[connection].ranks:  # not ended by another one's event
                    self._take_event(workers[connection], connection, runs)
            self._stop_lost(runs)
            self._stop_late(runs)

    @property
    def _busy(self) -> list[_Worker]:
        return [worker for worker in self._workers if worker.task]

    def stop(self) -> None:
        """Terminate all workers; those that train write a checkpoint first."""
        try:
            self._end(*self._workers)
        finally:
            self._sender.close()

    def _begin(self, task: Task) -> None:
        """Let an idle worker perform a task, or a new one; a worker that was killed meanwhile is replaced."""
        for worker in list(self._workers):
            if worker.task is None and not worker.lives:
                self._end(worker)
        idle = next((worker for worker in self._workers if worker.task is None), None)
        worker = self._start() if idle is None else idle
        worker.task, worker.begun = task, time.monotonic()
        for connection, process in worker.ranks.items():
            assert process.pid is not None
            self._sender.send(connection, task, process.pid)

    def _start(self) -> _Worker:
        used = [gpu for worker in self._workers for gpu in worker.gpus]
        gpus = least_used(self._gpus, used, self._processes) if self._gpus else ()
        variables = {**os.environ, **({VARIABLE: ",".join(gpus)} if gpus else {})}
        worker = _Worker({}, gpus, Meeting(self._processes) if self._processes > 1 else None)
        self._workers.append(worker)
        preload = PRELOADED_TOGETHER if worker.several else PRELOADED
        for rank in range(self._processes):
            own = variables | (worker.meeting.variables(rank) if worker.meeting else {})
            ours, theirs = multiprocessing.Pipe()
            environment = _Environment(self._threads, list(sys.path), own)
            worker.ranks[ours] = start_process(_work, (theirs, environment), daemon=True, preload=preload)
            theirs.close()
        return worker

    def _take_event(self, worker: _Worker, connection: Connection, runs: SharedRuns) -> None:
        task = worker.task
        assert task is not None
        event = self._next_event(worker, connection, task)
        try:
            if isinstance(event, RunFailed):
                self._fail(worker, event, runs)
            elif event is not None:
                runs.observed(task, event)
        except ClaimLost as lost:
            self._end(worker)
            runs.lost(task, str(lost))
            return
        if isinstance(event, RunEnded):
            self._release(worker)
            runs.give_back(task)

    def _fail(self, worker: _Worker, failed: RunFailed, runs: SharedRuns) -> None:
        """Repeat a run that has failed, or give it back. Raises: ClaimLost."""
        task = worker.task
        assert task is not None
        if worker.several:  # the others may wait for the one that has failed
            worker.kill()
        again = runs.fails(task, failed)
        self._release(worker)
        if again:
            self._begin(task)

    def _release(self, worker: _Worker) -> None:
        """Make a worker idle; processes that perform a run together perform only one."""
        worker.task = None
        if worker.several:
            self._end(worker)

    def _stop_late(self, runs: SharedRuns) -> None:
        """End the workers whose runs take too long, also if they hang."""
        for worker in self._busy:
            task = worker.task
            assert task is not None
            reason = self._overdue(worker, task)
            if not reason:
                continue
            self._terminate(worker)
            if task.folder.complete:  # meanwhile: the event is still to be read
                continue
            note_failure(task.folder, reason)
            try:
                self._fail(worker, failure(task, reason), runs)
            except ClaimLost as lost:
                self._end(worker)
                runs.lost(task, str(lost))

    def _overdue(self, worker: _Worker, task: Task) -> str:
        """Return why the processes of a run have to be ended; empty if they do not."""
        now = time.monotonic()
        if self._limit is not None and now - worker.begun >= self._limit:
            return f"{task.title}: took more than {self._limit / SECONDS_PER_HOUR:g} hours, the value of `run_hours`"
        return f"{task.title}: {SEPARATED}" if now - worker.left >= GRACE else ""

    def _stop_lost(self, runs: SharedRuns) -> None:
        """End the workers whose runs are not ours any more, although they send no events."""
        for worker in self._busy:
            task = worker.task
            assert task is not None
            try:
                runs.check(task)
            except ClaimLost as lost:
                self._end(worker)
                runs.lost(task, str(lost))

    def _next_event(self, worker: _Worker, connection: Connection, task: Task) -> Event | None:
        """Return what a process has sent or, if it has ended, what that means; None if another one has the reason."""
        try:
            event: Event = connection.recv()
        except (EOFError, ConnectionResetError):
            process = worker.ranks.pop(connection)
            connection.close()
            process.join()
            if task.folder.complete:
                return RunEnded(index=task.index)
            reason = self._end_of(worker, process)
            if not reason:
                worker.left = min(worker.left, time.monotonic())
                return None
            note_failure(task.folder, f"{task.title}: {reason}")
            return failure(task, f"{task.title}: {reason}")
        return failure(task, event.reason) if isinstance(event, RunFailed) else event

    def _end_of(self, worker: _Worker, process: BaseProcess) -> str:
        """Return the reason for which a run has failed whose process has ended; empty if that is not known yet."""
        if not worker.several:
            return f"the process {KILLED}"
        if process.exitcode and process.exitcode < 0:
            return f"one of its {self._processes} processes {KILLED}"
        return "" if worker.ranks else SEPARATED

    def _end(self, *workers: _Worker) -> None:
        """Terminate workers, and forget them."""
        self._terminate(*workers)
        for worker in workers:
            self._workers.remove(worker)
            for connection in worker.ranks:
                connection.close()
            worker.ranks.clear()

    def _terminate(self, *workers: _Worker) -> None:
        """Ask workers to stop, and kill those that have not after a while."""
        processes = {connection: process for worker in workers for connection, process in worker.ranks.items()}
        for worker in workers:
            for process in worker.ranks.values():
                if worker.task is None:
                    process.kill()
                else:
                    process.terminate()
        end = time.monotonic() + GRACE
        try:
            while (alive := [each for each in processes if processes[each].is_alive()]) and time.monotonic() < end:
                for ready in wait([*alive, *(processes[each].sentinel for each in alive)], POLL):
                    if isinstance(ready, Connection):
                        with suppress(EOFError, OSError):  # what it still sends would hold it up
                            ready.recv()
        finally:
            for worker in workers:
                worker.kill()


def in_worker(function: Callable[[], Result], threads: int) -> Result | None:
    """Return what a function returns in a process of its own, with `threads` threads; None if that is killed.

    Raises: StudyError, with the function's exception in one line.
    """
    ours, theirs = multiprocessing.Pipe()
    environment = _Environment(threads, list(sys.path), dict(os.environ))
    process = start_process(_answer, (theirs, environment), daemon=True)
    theirs.close()
    try:
        ours.send_bytes(cloudpickle.dumps(function))
        result: Result | StudyError = cloudpickle.loads(ours.recv_bytes())
    except (EOFError, OSError):
        return None
    finally:
        ours.close()
        process.kill()
        process.join()
    if isinstance(result, StudyError):
        raise result
    return result


def start_process(
    target: Callable[..., None], arguments: tuple[Any, ...], *, daemon: bool, preload: str = PRELOADED
) -> BaseProcess:
    """Start a process; on Linux as a fork of one that has imported PyTorch, but has not used it yet.

    The process then needs milliseconds to start instead of seconds, and shares the memory of the libraries. What the
    first call names as `preload` is imported for all of them.
    """
    context: ForkServerContext | SpawnContext = multiprocessing.get_context("spawn")
    if sys.platform == "linux":  # elsewhere system libraries do not survive a fork
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload([preload])
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
    _begin(environment)
    while True:
        try:
            _attempt(Parcel.received(connection), connection)
        except (EOFError, OSError, KeyboardInterrupt):
            return
        except (ToolError, ReportedElsewhere):  # another process of the run has the reason
            os._exit(FAILED)  # at once: gloo's threads may end it by a signal, as if it had been killed


def _answer(connection: Connection, environment: _Environment) -> None:
    """Send what a received function returns, or its exception."""
    _begin(environment)
    with suppress(EOFError, OSError, KeyboardInterrupt):
        try:
            answer = cloudpickle.loads(connection.recv_bytes())()
        except Exception as error:
            answer = StudyError(in_one_line(error))
        connection.send_bytes(cloudpickle.dumps(answer))


def _attempt(parcel: Parcel, connection: Connection) -> None:
    """Perform a task, with the other processes of its run if there are any; the first one sends the events.

    Raises: ToolError or ReportedElsewhere, if another process of the run has failed.
    """
    try:
        task: Task = parcel.opened()
    except Exception as error:  # the parent knows which run it is
        reason = f"the run cannot be passed to another process: {in_one_line(error)}"
        _send_event(connection, RunFailed(index=0, model="", seed=0, reason=reason))
        return
    del parcel  # some megabytes
    try:
        with joined() as here:
            task = replace(task, on=_own_gpu(task.on))
            make_deterministic(task.on)
            if failed := attempt(task, partial(_send_event, connection) if here.first else ignore):
                _send_event(connection, failed)
    except RuntimeError as error:  # of joining
        _send_event(
            connection, failure(task, f"{task.title}: its processes cannot work together: {in_one_line(error)}")
        )


def _own_gpu(device: torch.device) -> torch.device:
    """Return the GPU of this process, if several train together."""
    return device if device.type != "cuda" or place().alone else torch.device("cuda", torch.cuda.current_device())


def _begin(environment: _Environment) -> None:
    """Make this process a worker of its parent."""
    _stop_when_asked()
    threading.Thread(target=_die_with_the_parent, daemon=True).start()
    environment.adopt()
    _keep_tqdm_within_the_process()


def _stop_when_asked() -> None:
    """Leave Ctrl-C to the parent, and treat its SIGTERM as the first Ctrl-C: training stops after a checkpoint."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        return
    asked: list[int] = []

    def ask(number: int, frame: FrameType | None) -> None:
        on_ctrl_c = signal.getsignal(signal.SIGINT)
        if not asked and callable(on_ctrl_c):
            asked.append(number)  # a scheduler may send it, too
            on_ctrl_c(signal.SIGINT, frame)

    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, ask)


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
