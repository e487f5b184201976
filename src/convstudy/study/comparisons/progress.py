"""What a comparison shows before it is finished: what is stored at its start, and the runs that are done."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from enum import StrEnum

from convstudy.errors import StudyError
from convstudy.files import write_json
from convstudy.study.comparisons.comparison import Comparison
from convstudy.study.comparisons.conclude import findings_of, protocol_of
from convstudy.study.comparisons.folder import ComparisonFolder
from convstudy.study.comparisons.provenance import expected_records, foreign_runs, refuse_foreign
from convstudy.study.comparisons.results import Findings, Protocol
from convstudy.study.comparisons.results_file import read_start
from convstudy.study.comparisons.start import Start, layers_of
from convstudy.study.models.entrant import Entrant
from convstudy.study.runs.environment import describe
from convstudy.study.runs.status import at_work, failure_reason


class State(StrEnum):
    """How far a run is. It is stopped if it has begun and no process works on it."""

    DONE = "done"
    RUNNING = "running"
    STOPPED = "stopped"
    FAILED = "failed"
    WAITING = "waiting"


@dataclass(frozen=True, kw_only=True)
class RunState:
    """How far one run is, and the epochs that have ended."""

    model: str
    seed: int
    state: State = State.WAITING
    epochs: int = 0
    top1: float | None = None  # on the test set when it is done, else on the validation set after the last epoch
    seconds: float = 0.0  # that its epochs took
    error: str = ""  # that ended it, if it failed


def write_start(folder: ComparisonFolder, comparison: Comparison, *, allow_mixed: bool = False) -> None:
    """Store what is known before any training: the protocol, the networks' costs, versions and hardware."""
    start = Start(
        protocol=protocol_of(comparison),
        environment=describe(comparison.device, comparison.plan.threads, comparison.jobs),
        entrants=comparison.entrants,
        expected=expected_records(comparison),
        allow_mixed=allow_mixed,
    )
    write_json(folder.start, asdict(start))


def read_unfinished(folder: ComparisonFolder) -> Findings:
    """Return the findings so far: of the runs that are done, with the number of those that are missing.

    Raises: StudyError, when the folder holds no comparison, or one whose start was not stored.
    """
    start, protocol = _start(folder)
    runs = {
        (entrant.name, seed): run
        for seed in protocol.seeds
        for entrant in start.entrants
        if (run := folder.run(entrant.folder, seed)).complete
    }
    some = [entrant for entrant in start.entrants if any(name == entrant.name for name, _ in runs)]
    foreign = foreign_runs(start.expected, runs)
    refuse_foreign(folder, foreign, allow_mixed=start.allow_mixed)
    protocol = replace(protocol, mixed=foreign)
    missing = len(start.entrants) * len(protocol.seeds) - len(runs)
    findings = findings_of(some, runs, protocol, start.environment, unfinished=missing)
    return replace(findings, layers=layers_of(start))


def run_states(folder: ComparisonFolder) -> tuple[RunState, ...]:
    """How far each run of a comparison is, in the order in which they are done.

    Raises: as `read_unfinished`.
    """
    start, protocol = _start(folder)
    return tuple(_states(folder, start.entrants, protocol.seeds))


def epochs_of(folder: ComparisonFolder) -> dict[str, int]:
    """Return how many epochs the runs of each network have. Raises: as `read_unfinished`."""
    start, protocol = _start(folder)
    trainings = max(len(protocol.lr_grid), 1)
    return {
        entrant.name: trainings * (protocol.epochs.get(entrant.name) or int(protocol.recipe["epochs"] or 0))
        for entrant in start.entrants
    }


def seconds_left(states: Sequence[RunState], epochs: Mapping[str, int], jobs: int) -> float | None:
    """Seconds until all runs are done, `jobs` at a time, by what the epochs of each network have taken so far.

    None, while no epoch of one of the networks has ended.

    >>> done = RunState(model="net", seed=0, state=State.DONE, epochs=2, seconds=6.0)
    >>> waiting = RunState(model="net", seed=1)
    >>> seconds_left([done, waiting], {"net": 2}, jobs=1)
    6.0
    """
    own: dict[str, list[RunState]] = defaultdict(list)
    for state in states:
        own[state.model].append(state)
    seconds = 0.0
    for model, runs in own.items():
        left = sum(max(epochs[model] - run.epochs, 0) for run in runs if run.state is not State.DONE)
        ended = sum(run.epochs for run in runs)
        if left and not ended:
            return None
        seconds += left * sum(run.seconds for run in runs) / ended if left else 0.0
    return seconds / jobs


def jobs_of(folder: ComparisonFolder) -> int:
    """How many runs of a comparison go side by side. Raises: as `read_unfinished`."""
    return int(_start(folder)[0].environment["runs side by side"])


def _states(folder: ComparisonFolder, entrants: Sequence[Entrant], seeds: Sequence[int]) -> Iterator[RunState]:
    for seed in seeds:
        for entrant in entrants:
            run = folder.run(entrant.folder, seed)
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
                begun = epochs or run.checkpoint.exists() or run.trials
                yield replace(waiting, state=State.STOPPED if begun else State.WAITING)


def _start(folder: ComparisonFolder) -> tuple[Start, Protocol]:
    folder.identity()
    if not folder.start.exists():
        raise StudyError(f"{folder.path} holds a comparison that is not finished; repeat its `convstudy compare`")
    start = read_start(folder)
    if start.protocol is None:
        raise StudyError(f"{folder.start} has no protocol; repeat its `convstudy compare`")
    return start, start.protocol
