"""A run that one process performs for itself, as `convstudy train` does, while no other one works on its folder."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from convstudy.errors import StudyError
from convstudy.processes import first
from convstudy.study.runs.claim import PATIENCE, POLL, Claim, Claimant, ClaimLost, holder_lives, holder_of, last_claim
from convstudy.study.runs.events import Event, Noted, OnEvent, StepEnded, ignore
from convstudy.study.runs.folder import RunFolder
from convstudy.study.runs.identity import OUTPUT
from convstudy.study.runs.writing import writing_into


@contextmanager
def alone(folder: RunFolder, on_event: OnEvent) -> Iterator[OnEvent]:
    """Hold the claim of a run's folder; yield an `on_event` that also finds out whether it is lost.

    If several processes train together, the first one holds it. Where it cannot be seen whether an earlier process
    lives, its heartbeat is waited for.

    Raises: StudyError, if another process works on the folder, or once the claim is lost.
    """
    held: list[Claim] = []
    first(lambda: held.append(claimed(folder, on_event)))

    def observed(event: Event) -> None:
        for claim in held:
            claim.check(within=POLL if isinstance(event, StepEnded) else 0)
        on_event(event)

    try:
        yield observed
    except ClaimLost as lost:
        raise StudyError(f"{lost}; nothing more is written there") from lost
    finally:
        for claim in held:
            claim.release(remove=True)


def claimed(folder: RunFolder, on_event: OnEvent = ignore) -> Claim:
    """Return a claim of a run's folder, of this process alone. Raises: StudyError, if another one works on it."""
    claimant, before = Claimant(), last_claim(folder.path)
    noted = False
    while (claim := _taken(claimant, folder)) is None:
        holder = holder_of(folder.path)
        who = "another process" if holder is None else f"process {holder.pid} on {holder.host}"
        if holder_lives(folder.path) or last_claim(folder.path) != before:
            raise StudyError(
                f"{folder.path}: {who} works on this run; wait until it has ended, or choose another `output`",
                setting=OUTPUT,
            )
        if not noted:
            noted = True
            on_event(Noted(index=1, text=f"waiting up to {PATIENCE:g} seconds to see whether {who} still works on it"))
        time.sleep(POLL)
    return claim


def _taken(claimant: Claimant, folder: RunFolder) -> Claim | None:
    with writing_into(folder.path):
        return claimant.take(folder.path)
