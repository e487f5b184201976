"""One attempt of a run, whichever process makes it."""

from __future__ import annotations

from convstudy.errors import ConvstudyError
from convstudy.study.runs.events import OnEvent, RunFailed
from convstudy.study.runs.perform import perform
from convstudy.study.runs.status import in_one_line
from convstudy.study.runs.task import Task


def attempt(task: Task, on_event: OnEvent) -> RunFailed | None:
    """Perform a task; return its failure instead of raising it."""
    try:
        perform(task, on_event)
    except Exception as error:
        return failure(task, str(error) if isinstance(error, ConvstudyError) else in_one_line(error))
    return None


def failure(task: Task, reason: str) -> RunFailed:
    """Return the failure of a task."""
    return RunFailed(index=task.index, model=task.model, seed=task.seed, reason=reason)
