"""Progress of a comparison: the state of its runs, read without torch, so that it is shown at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from convstudy.errors import StudyError
from convstudy.study.comparisons.design import design_of
from convstudy.study.comparisons.folder import ComparisonFolder
from convstudy.study.comparisons.results import Protocol
from convstudy.study.comparisons.results_file import AGAIN, read_start
from convstudy.study.comparisons.start import Start
from convstudy.study.models.entrant import Entrant
from convstudy.study.runs.record_file import reading
from convstudy.study.runs.status import at_work, failure_reason


class State(StrEnum):
    """State of a run; it is stopped if it has started and no process works on it."""

    DONE = "done"
    RUNNING = "running"
    STOPPED = "stopped"
    FAILED = "failed"
    WAITING = "waiting"


@dataclass(frozen=True, kw_only=True)
class RunState:
    """State of one run, and its finished epochs."""

    model: str
    seed: int
    state: State = State.WAITING
    epochs: int = 0
    top1: float | None = None  # on the test set if the run is done, else on the validation set after the last epoch
    seconds: float = 0.0  # taken by its epochs
    error: str = ""  # the error that ended it, if it failed


def run_states(folder: ComparisonFolder) -> tuple[RunState, ...]:
    """Return the state of each run of a comparison, in the order in which they are performed.

    Raises: StudyError, if the folder holds no comparison, or one without `start.json`.
    """
    with reading(folder.path, AGAIN):
        start, protocol = stored_start(folder)
        return tuple(_states(folder, start.entrants, protocol))


def epochs_of(folder: ComparisonFolder) -> dict[str, int]:
    """Return the number of epochs of a run of each network. Raises: as `run_states`."""
    with reading(folder.path, AGAIN):
        start, protocol = stored_start(folder)
        trainings = max(len(protocol.lr_grid), 1)
        return {
            entrant.name: trainings * (protocol.epochs.get(entrant.name) or int(protocol.recipe["epochs"] or 0))
            for entrant in start.entrants
        }


def seconds_left(states: Sequence[RunState], epochs: Mapping[str, int], jobs: int) -> float | None:
    """Estimate the seconds until all runs are done, `jobs` at a time, from the finished epochs of each network.

    None, as long as a network has no finished epoch.

    >>> done = RunState(model="net", seed=0, state=State.DONE, epochs=2, seconds=6.0)
    >>> waiting = RunState(model="net", seed=1)
    >>> seconds_left([done, waiting], {"net": 2}, jobs=1)
    6.0
    """
    by_model: dict[str, list[RunState]] = defaultdict(list)
    for state in states:
        by_model[state.model].append(state)
    seconds = 0.0
    for model, runs in by_model.items():
        remaining = sum(max(epochs[model] - run.epochs, 0) for run in runs if run.state is not State.DONE)
        finished = sum(run.epochs for run in runs)
        if remaining and not finished:
            return None
        seconds += remaining * sum(run.seconds for run in runs) / finished if remaining else 0.0
    return seconds / jobs


def jobs_of(folder: ComparisonFolder) -> int:
    """Return the number of runs of a comparison at the same time. Raises: as `run_states`."""
    with reading(folder.path, AGAIN):
        return max(1, int(stored_start(folder)[0].environment["parallel_runs"]))


def _states(folder: ComparisonFolder, entrants: Sequence[Entrant], protocol: Protocol) -> Iterator[RunState]:
    design = design_of(protocol.until)
    for seed in protocol.seeds:
        for entrant in entrants:
            run = folder.run(entrant.folder, seed)
            if design.sequential and not run.path.exists():
                continue
            trials = [epoch for trial in run.trials for epoch in trial.epochs_so_far()]
            epochs = trials or run.epochs_so_far()
            top1 = epochs[-1].validation_top1 if epochs else None
            seconds = sum(each.seconds for each in epochs)
            waiting = RunState(model=entrant.name, seed=seed, epochs=len(epochs), top1=top1, seconds=seconds)
            if run.complete:
                yield replace(waiting, state=State.DONE, top1=run.record()["top1"])
            elif reason := failure_reason(run):
                yield replace(waiting, state=State.FAILED, error=reason)
            elif at_work(run):
                yield replace(waiting, state=State.RUNNING)
            else:
                started = epochs or run.checkpoint.exists() or run.trials
                yield replace(waiting, state=State.STOPPED if started else State.WAITING)


def stored_start(folder: ComparisonFolder) -> tuple[Start, Protocol]:
    """Return what was stored before any training. Raises: StudyError, if there is no comparison or none of it."""
    folder.identity()
    if not folder.start.exists():
        raise StudyError(
            f"{folder.path} holds a comparison that is not finished; repeat its `convstudy compare` command"
        )
    start = read_start(folder)
    if start.protocol is None:
        raise StudyError(f"{folder.start} has no protocol; repeat the `convstudy compare` command of this folder")
    return start, start.protocol
