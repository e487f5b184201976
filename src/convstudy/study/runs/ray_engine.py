"""Runs as tasks of a Ray cluster: on one machine or many, with the same results as local processes.

The output folder must be one that all machines see; data in memory reach them through Ray's object store, one copy per
machine. A run whose machine or process dies is submitted again, and continues from its checkpoint.
"""

from __future__ import annotations

import logging
import math
import os
import socket
import sys
import threading
import time
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cloudpickle
import torch

from convstudy.data import DataSet
from convstudy.errors import ToolError, optional_module
from convstudy.study.runs.attempt import attempt, failure
from convstudy.study.runs.claim import POLL, ClaimLost
from convstudy.study.runs.environment import make_deterministic
from convstudy.study.runs.events import CostMeasurement, Event, LookTaken, RunEnded, RunFailed, StepEnded, StudyStarted
from convstudy.study.runs.folder import RunFolder
from convstudy.study.runs.sharing import SECONDS_PER_HOUR, Limits, SharedRuns
from convstudy.study.runs.status import in_one_line, note_failure
from convstudy.study.runs.task import Task

MOVES = 3  # times that a run is submitted again because its machine or process died, before it counts as failed
SECONDS_TO_ANSWER = 10.0
SECONDS_BETWEEN_CALLS = 3.0  # to the head of a cluster
CALLS = 3  # in a row without an answer, after which it has died
NICENESS = "RAY_worker_niceness"  # 15 by default, so that anything else on the machine nearly stops the runs
TOKENS = "RAY_AUTH_MODE"  # without it, Ray sends its token to a cluster that it finds, but not to a given address
READ_ONLY = "The given NumPy array is not writable"  # images in the object store, which are only read


@dataclass(frozen=True)
class Submitted:
    """A run that the cluster performs."""

    task: Task
    result: Any  # its future
    begun: float | None = None  # seconds, of the monotonic clock; None while it waits for a place in the cluster


@dataclass(frozen=True)
class Begun:
    """Sent by a process of the cluster that begins a run, if runs have a time limit."""

    index: int


class Mailbox:
    """The events of all runs, in a process of the cluster, until they are taken."""

    def __init__(self) -> None:
        self._events: list[Event | Begun] = []

    def put(self, events: Sequence[Event | Begun]) -> None:
        """Add events."""
        self._events += events

    def take(self) -> list[Event | Begun]:
        """Return the events since the last time."""
        taken, self._events = self._events, []
        return taken


@dataclass(frozen=True)
class Performed:
    """What is left of a run in the process that performed it."""

    failed: RunFailed | None
    events: tuple[Event, ...]  # the last ones
    sent: bool  # whether earlier ones are in the mailbox


class Outbox:
    """Collects the events of a run, and sends them to the mailbox every half second, so that short runs need none."""

    def __init__(self, send: Callable[[Sequence[Event]], Any]) -> None:
        self._send, self._turn = send, threading.Lock()
        self._kept: list[Event] = []
        self._sent: Any = None  # a future: that all sent events have arrived
        self._timer: threading.Timer | None = None

    def add(self, event: Event) -> None:
        """Add an event; of successive steps, only the last one is kept."""
        with self._turn:
            if self._kept and isinstance(event, StepEnded) and isinstance(self._kept[-1], StepEnded):
                self._kept.pop()
            self._kept.append(event)
            if self._timer is None:
                self._timer = threading.Timer(POLL, self._flush)
                self._timer.daemon = True
                self._timer.start()

    def _flush(self) -> None:
        with self._turn:
            if self._kept:
                self._sent = self._send(self._kept)
            self._kept, self._timer = [], None

    def rest(self) -> tuple[tuple[Event, ...], Any]:
        """Return the events that are not sent, and the future of the last that were; None if none were."""
        with self._turn:
            if self._timer is not None:
                self._timer.cancel()
            kept, self._kept = tuple(self._kept), []
            return kept, self._sent


class RayPool:
    """Runs on a Ray cluster.

    Raises: ToolError, if Ray is not installed or the cluster cannot be reached.
    """

    def __init__(self, threads: int, limits: Limits) -> None:
        self._ray = optional_module("ray", extra="ray", purpose="`engine` ray")
        self._threads, self._limits = threads, limits
        self._ours = not self._ray.is_initialized()
        if self._ours:
            _require_reachable(limits.address)
            if limits.address is None:
                os.environ.setdefault(NICENESS, "0")
            new = {"include_dashboard": False} if limits.address is None else {}
            try:
                self._ray.init(
                    address=limits.address or "local", log_to_driver=False, logging_level=logging.ERROR, **new
                )
            except (ConnectionError, ValueError, RuntimeError) as error:
                where = limits.address or "this machine"
                raise ToolError(
                    f"Ray cannot be used at {where}: {' '.join(str(error).split())}{_token_hint(limits)}"
                ) from error
            _leave_out_logs_of_nodes()
        self._seen = time.monotonic()  # when head and node answered
        here = self._ray.get_runtime_context().get_node_id()
        near = self._ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(here, soft=False)
        self._events = self._ray.remote(Mailbox).options(num_cpus=0, scheduling_strategy=near).remote()
        self._head = str(self._ray.get_runtime_context().gcs_address)
        node = next(each for each in self._ray.nodes() if each["NodeID"] == here)
        parts = {
            "the head of the Ray cluster": self._head,
            "Ray's raylet of this machine": f"{node['NodeManagerAddress']}:{node['NodeManagerPort']}",
        }
        # a Ray client, with an address ray://..., may not reach them
        self._watched = {what: address for what, address in parts.items() if not _unanswered(address, calls=1)}
        self._broken = False
        self._submitted: dict[int, Submitted] = {}
        self._forwarded = -math.inf  # time at which the mailbox was emptied
        self._moves: Counter[int] = Counter()
        self._stored: dict[int, Any] = {}  # data in the object store, by the identity of the object here
        self._place = self._ray.put(_Place(threads, list(sys.path), str(Path.cwd())))
        self._remote = self._ray.remote(performed)  # once: it stays in the cluster

    def perform(self, runs: SharedRuns, jobs: int | None) -> None:
        """Submit the runs as they can be claimed, `jobs` at a time, and forward their events, until all have ended.

        Raises: ToolError, if the cluster dies.
        """
        try:
            self._perform(runs, jobs)
        except self._ray.exceptions.RayError as error:  # of no run
            self._require_cluster(now=True)
            raise self._died(
                f"the Ray cluster at {self._head} does not answer any more ({in_one_line(error)})"
            ) from error

    def _perform(self, runs: SharedRuns, jobs: int | None) -> None:
        while True:
            self._require_cluster()
            while len(self._submitted) < (jobs or self._room()) and (task := runs.next()):
                self._submit(task)
            if not self._submitted:
                if not runs.waiting:
                    return
                runs.note_others()
                time.sleep(POLL)
            results = {each.result: index for index, each in self._submitted.items()}
            ended, _ = self._ray.wait(list(results), timeout=POLL) if results else ([], [])
            if not ended or time.monotonic() - self._forwarded > POLL:
                self._forward(self._in_mailbox(), runs)
            for result in ended:
                if results[result] in self._submitted:
                    self._end(results[result], runs)
            self._stop_lost(runs)
            self._stop_late(runs)

    def stop(self) -> None:
        """Cancel what still runs, and leave the cluster."""
        if self._broken:  # nothing would answer; the runs stop when they find that they are not claimed any more
            return
        for each in self._submitted.values():
            self._ray.cancel(each.result, force=True)
        self._ray.kill(self._events)
        if self._ours:
            self._ray.shutdown()

    def _room(self) -> int:
        """Return how many runs the cluster can perform at the same time now."""
        resources = self._ray.cluster_resources()
        return max(int(min(resources.get("CPU", 0) / self._threads, resources.get("GPU", 1e9) / self._gpus)), 1)

    @property
    def _gpus(self) -> float:
        return 1 / self._limits.jobs_per_device

    def _submit(self, task: Task) -> None:
        if id(task.data) not in self._stored:
            self._stored[id(task.data)] = self._ray.put(task.data)
        absolute = replace(task, folder=RunFolder(task.folder.path.absolute()), data=None)  # type: ignore[arg-type]
        remote = self._remote.options(
            num_cpus=self._threads, num_gpus=self._gpus if task.on.type == "cuda" else 0, max_retries=0
        )
        begun = None if self._limits.seconds is None else Begun(task.index)
        result = remote.remote(
            cloudpickle.dumps(absolute), self._stored[id(task.data)], self._place, self._events, begun
        )
        self._submitted[task.index] = Submitted(task, result)

    def _in_mailbox(self) -> Sequence[Event | Begun]:
        events: list[Event | Begun] = self._ray.get(self._events.take.remote())
        self._forwarded = time.monotonic()
        return events

    def _forward(self, events: Sequence[Event | Begun], runs: SharedRuns) -> None:
        """Forward events, except those of runs that are not ours any more."""
        for event in events:
            assert not isinstance(event, StudyStarted | LookTaken | CostMeasurement)  # of no run
            index = event.index
            if index not in self._submitted:
                continue
            if isinstance(event, Begun):
                self._submitted[index] = replace(self._submitted[index], begun=time.monotonic())
                continue
            task = self._submitted[index].task
            try:
                runs.observed(task, event)
            except ClaimLost as lost:
                self._ray.cancel(self._submitted.pop(index).result, force=True)
                runs.lost(task, str(lost))

    def _end(self, index: int, runs: SharedRuns) -> None:
        task = self._submitted[index].task
        try:
            performed: Performed = self._ray.get(self._submitted[index].result)
            self._forward((*(self._in_mailbox() if performed.sent else ()), *performed.events), runs)
            failed = performed.failed
        except self._ray.exceptions.RayTaskError as error:  # before or after the attempt, whose errors it returns
            reason = f"{task.title}: the run cannot be performed there: {in_one_line(error.cause)}"
            note_failure(task.folder, reason)
            failed = failure(task, reason)
        except self._ray.exceptions.RayError as error:
            self._require_cluster(now=True)
            reason = f"{task.title}: its process or machine died ({type(error).__name__})"
            self._moves[task.index] += 1
            if self._moves[task.index] <= MOVES and not task.folder.complete:
                self._submit(task)
                return
            note_failure(task.folder, reason)
            failed = None if task.folder.complete else failure(task, reason)
        if self._submitted.pop(index, None):  # else its claim was lost meanwhile
            self._take(task, failed, runs)

    def _take(self, task: Task, failed: RunFailed | None, runs: SharedRuns) -> None:
        try:
            if failed is None:
                runs.observed(task, RunEnded(index=task.index))
                runs.give_back(task)
            elif runs.fails(task, failed):
                self._submit(task)
        except ClaimLost as lost:
            runs.lost(task, str(lost))

    def _require_cluster(self, *, now: bool = False) -> None:
        """Check that the head of the cluster and its part on this machine are there. Raises: ToolError.

        What Ray asks of one that is not there blocks, and after a while Ray ends this process. They are called twice a
        second, and `now`.
        """
        if not now and time.monotonic() - self._seen < POLL / 2:
            return
        for what, address in self._watched.items():
            if reason := _unanswered(address):
                raise self._died(f"{what} at {address} has died ({reason})")
        self._seen = time.monotonic()

    def _died(self, what: str) -> ToolError:
        """Return the error for a cluster that has died, which is left as it is."""
        self._broken = True
        return ToolError(
            f"{what}; repeat the command once a cluster is there, and its runs continue from their checkpoints"
        )

    def _stop_lost(self, runs: SharedRuns) -> None:
        """Cancel runs that are not ours any more, although they send no events."""
        for index, each in list(self._submitted.items()):
            try:
                runs.check(each.task)
            except ClaimLost as lost:
                self._ray.cancel(each.result, force=True)
                del self._submitted[index]
                runs.lost(each.task, str(lost))

    def _stop_late(self, runs: SharedRuns) -> None:
        limit = self._limits.seconds
        for index, each in list(self._submitted.items()):
            late = limit is not None and each.begun is not None and time.monotonic() - each.begun > limit
            if limit is not None and late and not each.task.folder.complete:
                self._ray.cancel(each.result, force=True)
                self._ray.wait([each.result], timeout=SECONDS_TO_ANSWER)  # it writes nothing more then
                del self._submitted[index]
                hours = f"{limit / SECONDS_PER_HOUR:g}"
                reason = f"{each.task.title}: took more than {hours} hours, the value of `run_hours`"
                note_failure(each.task.folder, reason)
                self._take(each.task, failure(each.task, reason), runs)


def _unanswered(address: str, calls: int = CALLS) -> str:
    """Return why nothing answers at an address, after several calls; empty if something does."""
    host, _, port = address.rpartition(":")
    for left in reversed(range(calls)):
        try:
            socket.create_connection((host, int(port)), SECONDS_TO_ANSWER).close()
        except OSError as error:
            if not left:
                return error.strerror or str(error)
            time.sleep(SECONDS_BETWEEN_CALLS)
        else:
            break
    return ""


def _token_hint(limits: Limits) -> str:
    if limits.address in {None, "auto"} or TOKENS in os.environ:
        return ""
    return f"; if the cluster requires Ray's token, set {TOKENS}=token"


def _leave_out_logs_of_nodes() -> None:
    """Keep Ray from printing the end of a node's log on standard output when that node dies, here or elsewhere."""
    worker: Any = sys.modules.get("ray._private.worker")
    if worker is not None and hasattr(worker, "print_to_stdstream"):
        worker.print_to_stdstream = lambda *_, **__: None


def _require_reachable(address: str | None) -> None:
    """Check that something answers at an address, since Ray ends the process if not. Raises: ToolError."""
    host, _, port = (address or "").rpartition("://")[2].rpartition(":")
    if not port.isdecimal():
        return
    try:
        socket.create_connection((host, int(port)), SECONDS_TO_ANSWER).close()
    except OSError as error:
        raise ToolError(
            f"no Ray cluster answers at {address} ({error.strerror or error}); expected auto or HOST:PORT"
        ) from error


@dataclass(frozen=True)
class _Place:
    """What a task of the cluster takes over from this process."""

    threads: int
    path: list[str]
    folder: str

    def adopt(self) -> None:
        sys.path[:] = [*sys.path, *(each for each in self.path if each not in sys.path)]
        if Path(self.folder).is_dir():  # networks of files are named relative to it
            os.chdir(self.folder)
        torch.set_num_threads(self.threads)


def performed(payload: bytes, data: DataSet, place: _Place, events: Any, begun: Begun | None) -> Performed:
    """Perform a run in a process of the cluster; with `begun`, send that first."""
    if begun is not None:
        events.put.remote([begun])
    place.adopt()
    warnings.filterwarnings("ignore", message=READ_ONLY)
    task: Task = replace(cloudpickle.loads(payload), data=data)
    make_deterministic(task.on)
    outbox = Outbox(events.put.remote)

    def send(event: Event) -> None:
        if not isinstance(event, RunEnded):  # known by the end of the task
            outbox.add(event)

    failed = attempt(task, send)
    kept, sent = outbox.rest()
    if sent is not None:
        optional_module("ray", extra="ray", purpose="`engine` ray").get(sent)
    return Performed(failed, kept, sent is not None)
