"""`convstudy status`: the state of the runs of a comparison, for people and for programs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from convstudy.study import RunState
    from convstudy.study.runs.claim import Holder


def status(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of a comparison, running or not.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,
) -> None:
    """Print the state of each run of a comparison once, and which process performs it.

    Nothing is written, and no results are read, so it is quick for thousands of runs, and works from any machine that
    sees the folder. `convstudy watch` shows the results so far, too.
    """
    import json

    from rich.console import Console

    from convstudy.report.terminal import status_table
    from convstudy.study import ComparisonFolder, epochs_of, jobs_of, run_states, seconds_left
    from convstudy.study.comparisons.holders import holders

    comparison = ComparisonFolder(folder)
    states, epochs = run_states(comparison), epochs_of(comparison)
    found = holders(comparison, states)
    if as_json:
        left = seconds_left(states, epochs, jobs_of(comparison))
        typer.echo(json.dumps({"seconds_left": left} | as_record(states, epochs, found), indent=2, allow_nan=False))
        return
    places = {key: f"{holder.pid} on {holder.host}" for key, holder in found.items()}
    Console().print(status_table(states, epochs, places))


def as_record(
    states: Sequence[RunState], epochs: Mapping[str, int], found: Mapping[tuple[str, int], Holder]
) -> dict[str, Any]:
    """Return counts by state, and one record per run.

    `top1` is a fraction of 1: on the test set if the run is done, else on the validation set after the last epoch.
    """
    counts: dict[str, int] = {}
    runs = []
    for state in states:
        counts[state.state] = counts.get(state.state, 0) + 1
        holder = found.get((state.model, state.seed))
        runs.append(
            {
                "model": state.model,
                "seed": state.seed,
                "state": str(state.state),
                "epochs_done": state.epochs,
                "epochs": epochs[state.model],
                "top1": state.top1 if state.top1 == state.top1 else None,  # JSON has no NaN
                "seconds": state.seconds,
                "host": holder.host if holder else None,
                "pid": holder.pid if holder else None,
                "error": state.error or None,
            }
        )
    return {"finished": all(state.state == "done" for state in states), "counts": counts, "runs": runs}
