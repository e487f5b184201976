"""Runs that this process shares with any number of others on the same folder, so that each run is performed once."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from convstudy.errors import StudyError
from convstudy.study.runs.claim import POLL, Claim, Claimant, clear, holder_of
from convstudy.study.runs.events import Event, Noted, OnEvent, RunEnded, RunFailed, StepEnded
from convstudy.study.runs.folder import RunFolder
from convstudy.study.runs.status import failure_reason
from convstudy.study.runs.task import Task
from convstudy.study.runs.writing import writing_into

SECONDS_PER_HOUR = 3600


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How often a run that fails is repeated, how long an attempt may take, and what performs the runs."""

    retries: int = 0
    seconds: float | None = None  # no limit
    engine: str = "local"  # or `ray`
    address: str | None = None  # of the Ray cluster; None: one of this machine
    jobs: int | None = None  # on a Ray cluster at the same time; None: as many as it has room for
    jobs_per_device: int = 1


ONE_ATTEMPT = Limits()


class SharedRuns:
    """The runs that are to be performed, handed out one by one as they can be claimed.

    A run that another process finishes meanwhile has ended here, too, and one that failed there has failed. A run whose
    process is gone is handed out, and continues from its checkpoint.
    """

    def __init__(self, tasks: Sequence[Task], on_event: OnEvent, limits: Limits) -> None:
        self._retries = limits.retries
        self._attempts: Counter[int] = Counter()
        self._waiting = list(tasks)
        self._claims: dict[int, Claim] = {}
        self._claimant = Claimant()
        self._on_event = on_event
        self._failed_before = {task.index: _stamp(task.folder) for task in tasks}
        self._noted: set[int] = set()
        self._refused: dict[int, str] = {}  # runs whose folders cannot be written
        self._ended_elsewhere: list[RunFolder] = []
        self.failed: list[RunFailed] = []

    @property
    def waiting(self) -> bool:
        """Whether there are runs that are not handed out, because other processes perform them."""
        return bool(self._waiting)

    def next(self, *, wait: bool = False) -> Task | None:
        """Return a run that this process has claimed, and has to give back; None if there is none now.

        With `wait`, None only if all runs have ended.
        """
        while True:
            for task in list(self._waiting):
                if self._ended(task):
                    self._waiting.remove(task)
                elif self._claimed(task):
                    self._waiting.remove(task)
                    return replace(task, ticket=self._claims[task.index].ticket)
            if not (wait and self._waiting):
                return None
            self.note_others()
            time.sleep(POLL)

    def note_others(self) -> None:
        """Say once of each run that is left which process performs it."""
        for task in self._waiting:
            if task.index not in self._noted and (holder := holder_of(task.folder.path)):
                self._noted.add(task.index)
                self._on_event(
                    Noted(
                        index=task.index,
                        text=f"{task.title}: performed by process {holder.pid} on {holder.host}; waiting for it",
                    )
                )

    def observed(self, task: Task, event: Event) -> None:
        """Forward an event of a run. Raises: ClaimLost, if the run is not this process's any more."""
        self._claims[task.index].check(within=POLL if isinstance(event, StepEnded) else 0)
        self._on_event(event)

    def check(self, task: Task) -> None:
        """Raise ClaimLost, if the run is not this process's any more."""
        self._claims[task.index].check()

    def fails(self, task: Task, failed: RunFailed) -> bool:
        """Take note of a failure; return whether this process attempts the run once more, and otherwise give it back.

        Raises: ClaimLost, if the run is not this process's any more.
        """
        self.check(task)
        self._attempts[task.index] += 1
        if (attempt := self._attempts[task.index]) <= self._retries:
            text = f"attempt {attempt} of {self._retries + 1} failed: {failed.reason}"
            self._on_event(Noted(index=task.index, text=text))
            return True
        self.failed.append(failed)
        self._on_event(failed)
        self.give_back(task)
        return False

    def give_back(self, task: Task, *, again: bool = False) -> None:
        """Give up the claim of a run; with `again` it is handed out once more."""
        claim = self._claims.pop(task.index, None)
        if claim is not None:
            claim.release(remove=task.folder.complete)
        if again:
            self._waiting.insert(0, task)

    def give_back_all(self) -> None:
        """Give up all claims, and remove those of finished runs that other processes have left."""
        for claim in self._claims.values():
            claim.release()
        self._claims.clear()
        for folder in self._ended_elsewhere:
            clear(folder.path)

    def lost(self, task: Task, reason: str) -> None:
        """Take note that the claim of a run is lost.

        The run has failed if its folder is gone, and is otherwise that of another process.
        """
        moved = self._claims[task.index].moved
        self.give_back(task, again=not moved)
        if moved:
            self._fail(task, reason)

    def _fail(self, task: Task, reason: str) -> None:
        failed = RunFailed(index=task.index, model=task.model, seed=task.seed, reason=reason)
        self.failed.append(failed)
        self._on_event(failed)

    def _ended(self, task: Task) -> bool:
        """Return whether a run has been performed by another process, or has failed."""
        if task.folder.complete:
            clear(task.folder.path)  # its process may have been killed as it ended, or be so soon
            self._ended_elsewhere.append(task.folder)
            self._on_event(RunEnded(index=task.index))
            return True
        if self._failed_elsewhere(task):
            self._fail(task, failure_reason(task.folder))
            return True
        if task.index in self._refused:
            self._fail(task, self._refused[task.index])
            return True
        return False

    def _failed_elsewhere(self, task: Task) -> bool:
        return _stamp(task.folder) not in {None, self._failed_before[task.index]}

    def _claimed(self, task: Task) -> bool:
        try:
            with writing_into(task.folder.path):
                task.folder.path.parent.mkdir(exist_ok=True)  # of the network; one of the whole study is not made anew
                claim = self._claimant.take(task.folder.path)
        except StudyError as error:
            self._refused[task.index] = str(error)
            return False
        if claim is None:
            return False
        self._claims[task.index] = claim
        if task.folder.complete or self._failed_elsewhere(task):
            self.give_back(task)  # it has ended since it was looked at
            return False
        return True


def _stamp(folder: RunFolder) -> tuple[int, int] | None:
    """Return what tells one record of a failure from a later one; None if there is none."""
    try:
        found = folder.failure.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns
