"""One attempt of a run, whichever process makes it."""

from __future__ import annotations

import math
import time

from convstudy.errors import ConvstudyError
from convstudy.processes import lost_connection
from convstudy.study.runs.claim import POLL, ClaimLost
from convstudy.study.runs.events import Event, OnEvent, RunFailed, StepEnded
from convstudy.study.runs.perform import perform
from convstudy.study.runs.status import in_one_line
from convstudy.study.runs.task import Task


def attempt(task: Task, on_event: OnEvent) -> RunFailed | None:
    """Perform a task; return its failure instead of raising it, also if its claim is lost.

    Raises: RuntimeError, if another process, with which this one trains, has ended.
    """
    try:
        perform(task, _while_claimed(task, on_event))
    except ClaimLost as lost:
        return failure(task, str(lost))
    except Exception as error:
        if lost_connection(error):
            raise
        return failure(task, str(error) if isinstance(error, ConvstudyError) else in_one_line(error))
    return None


def _while_claimed(task: Task, on_event: OnEvent) -> OnEvent:
    """Return an `on_event` that raises ClaimLost, once the claim of the task is lost."""
    looked = -math.inf

    def observed(event: Event) -> None:
        nonlocal looked
        if task.ticket and not (isinstance(event, StepEnded) and time.monotonic() - looked < POLL):
            looked = time.monotonic()
            task.ticket.check()
        on_event(event)

    return observed


def failure(task: Task, reason: str) -> RunFailed:
    """Return the failure of a task."""
    return RunFailed(index=task.index, model=task.model, seed=task.seed, reason=reason)
