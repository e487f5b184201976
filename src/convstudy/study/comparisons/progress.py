"""What a comparison shows before it is finished: what is stored at its start, and the runs that are done."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Literal

from convstudy.errors import StudyError
from convstudy.files import write_json
from convstudy.study.comparisons.comparison import Comparison
from convstudy.study.comparisons.conclude import findings_of, protocol_of
from convstudy.study.comparisons.folder import ComparisonFolder
from convstudy.study.comparisons.provenance import expected_records, foreign_runs, refuse_foreign
from convstudy.study.comparisons.results import Findings, Layer
from convstudy.study.comparisons.results_file import protocol_from_json, read_layers
from convstudy.study.models.entrant import Entrant
from convstudy.study.runs.environment import describe
from convstudy.study.runs.status import at_work

SHOWN = tuple(each.name for each in fields(Layer))
State = Literal["done", "running", "stopped", "failed", "waiting"]  # stopped: begun, and no process works on it


@dataclass(frozen=True)
class RunState:
    """How far one run is. `epochs` are those that have ended."""

    model: str
    seed: int
    state: State
    epochs: int = 0
    top1: float | None = None  # on the test part when it is done, else on the validation part after the last epoch
    seconds: float = 0.0  # that its epochs took
    error: str = ""  # that ended it, where it failed


def write_start(folder: ComparisonFolder, comparison: Comparison, *, allow_mixed: bool = False) -> None:
    """Store what is known before any training: the protocol, the networks' costs, versions and hardware."""
    write_json(
        folder.start,
        {
            "protocol": asdict(protocol_of(comparison)),
            "expected": expected_records(comparison),
            "allow_mixed": allow_mixed,
            "environment": describe(comparison.device, comparison.plan.threads, comparison.jobs),
            "entrants": [_without_layers(entrant) for entrant in comparison.entrants],
            "layers": {
                entrant.name: [{name: getattr(row, name) for name in SHOWN} for row in entrant.layers]
                for entrant in comparison.entrants
            },
        },
    )


def _without_layers(entrant: Entrant) -> dict[str, Any]:
    return {name: value for name, value in asdict(replace(entrant, layers=())).items() if name != "layers"}


def read_unfinished(folder: ComparisonFolder) -> Findings:
    """The findings so far: of the runs that are done, with the number of those that are missing.

    Raises: StudyError, when the folder holds no comparison, or one whose start was not stored.
    """
    start = _start(folder)
    entrants = [
        Entrant(**{**entrant, "input_shape": tuple(entrant["input_shape"]), "uncounted": tuple(entrant["uncounted"])})
        for entrant in start["entrants"]
    ]
    protocol = protocol_from_json(start["protocol"])
    runs = {
        (entrant.name, seed): run
        for seed in protocol.seeds
        for entrant in entrants
        if (run := folder.run(entrant.folder, seed)).complete
    }
    some = [entrant for entrant in entrants if any(name == entrant.name for name, _ in runs)]
    foreign = foreign_runs(start.get("expected", {}), runs)
    refuse_foreign(folder, foreign, allow_mixed=start.get("allow_mixed", False))
    protocol = replace(protocol, mixed=foreign)
    missing = len(entrants) * len(protocol.seeds) - len(runs)
    findings = findings_of(some, runs, protocol, start["environment"], unfinished=missing)
    return replace(findings, layers=read_layers(folder))


def run_states(folder: ComparisonFolder) -> tuple[RunState, ...]:
    """How far each run of a comparison is, in the order in which they are done.

    Raises: as `read_unfinished`.
    """
    start = _start(folder)
    return tuple(_states(folder, start["entrants"], start["protocol"]["seeds"]))


def epochs_of(folder: ComparisonFolder) -> dict[str, int]:
    """How many epochs the runs of each network have. Raises: as `read_unfinished`."""
    start = _start(folder)
    protocol = start["protocol"]
    trainings = max(len(protocol.get("lr_grid", ())), 1)
    return {
        entrant["name"]: trainings * (protocol.get("epochs", {}).get(entrant["name"]) or protocol["recipe"]["epochs"])
        for entrant in start["entrants"]
    }


def seconds_left(states: Sequence[RunState], epochs: Mapping[str, int], jobs: int) -> float | None:
    """Seconds until all runs are done, `jobs` at a time, by what the epochs of each network have taken so far.

    None, while no epoch of one of the networks has ended.

    >>> done, waiting = RunState("net", 0, "done", epochs=2, seconds=6.0), RunState("net", 1, "waiting")
    >>> seconds_left([done, waiting], {"net": 2}, jobs=1)
    6.0
    """
    own: dict[str, list[RunState]] = defaultdict(list)
    for state in states:
        own[state.model].append(state)
    seconds = 0.0
    for model, runs in own.items():
        left = sum(max(epochs[model] - run.epochs, 0) for run in runs if run.state != "done")
        ended = sum(run.epochs for run in runs)
        if left and not ended:
            return None
        seconds += left * sum(run.seconds for run in runs) / ended if left else 0.0
    return seconds / jobs


def jobs_of(folder: ComparisonFolder) -> int:
    """How many runs of a comparison go side by side. Raises: as `read_unfinished`."""
    return int(_start(folder)["environment"]["runs side by side"])


def _states(folder: ComparisonFolder, entrants: Iterable[dict[str, Any]], seeds: Iterable[int]) -> Iterable[RunState]:
    networks = list(entrants)
    for seed in seeds:
        for entrant in networks:
            run = folder.run(entrant["folder"], seed)
            trials = [epoch for trial in run.trials for epoch in trial.epochs_so_far()]
            epochs = trials or run.epochs_so_far()
            top1 = epochs[-1].validation_top1 if epochs else None
            told = RunState(entrant["name"], seed, "waiting", len(epochs), top1, sum(each.seconds for each in epochs))
            if run.complete:
                yield replace(told, state="done", top1=run.record()["top1"])
            elif run.failure.exists():
                yield replace(told, state="failed", error=json.loads(run.failure.read_text(encoding="utf-8"))["error"])
            else:
                begun = epochs or run.checkpoint.exists() or run.trials
                yield replace(told, state="running" if at_work(run) else "stopped" if begun else "waiting")


def _start(folder: ComparisonFolder) -> dict[str, Any]:
    folder.identity()
    path = folder.start
    if not path.exists():
        raise StudyError(f"{folder.path} holds a comparison that is not finished; run its `convstudy compare` again")
    try:
        start: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise StudyError(f"{path} cannot be read ({error}); run its `convstudy compare` again") from error
    return start
