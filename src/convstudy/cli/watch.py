"""`convstudy watch`: how far a comparison is, and what it shows so far."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import RenderableType

    from convstudy.study import RunState


def watch(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder of a comparison, at work or not.")],
    once: Annotated[bool, typer.Option("--once", help="Show it as it is now, and end.")] = False,
    interval: Annotated[float, typer.Option(help="Seconds between two looks.", min=0.1)] = 2.0,
) -> None:
    """Watch a comparison: which runs are done, running, stopped or failed, the time left, and the table so far.

    A run is stopped when the process that worked on it is gone; seen from another machine, when its files have not
    changed for ten minutes. The same command as before goes on with it.

    Watching only reads, so that it can be done from another terminal or machine; it ends with the last run, or with
    Ctrl-C.
    """
    from rich.console import Console
    from rich.live import Live

    from convstudy.report.terminal import watched
    from convstudy.study import ComparisonFolder, epochs_of, jobs_of, read_unfinished, run_states, seconds_left

    comparison, console = ComparisonFolder(folder), Console()
    epochs, jobs = epochs_of(comparison), jobs_of(comparison)

    def drawn(states: tuple[RunState, ...]) -> RenderableType:
        return watched(states, epochs, read_unfinished(comparison), seconds_left(states, epochs, jobs))

    if once or not console.is_terminal:
        console.print(drawn(run_states(comparison)))
        return
    with Live(console=console, auto_refresh=False) as live:
        while True:
            states = run_states(comparison)
            live.update(drawn(states), refresh=True)
            if all(state.state == "done" for state in states):
                return
            time.sleep(interval)
