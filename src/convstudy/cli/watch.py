"""`convstudy watch`: the progress of a comparison and its results so far."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import RenderableType

    from convstudy.study import Findings, RunState


def watch(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of a comparison, running or not.")],
    once: Annotated[bool, typer.Option("--once", help="Show the current state once and exit.")] = False,
    interval: Annotated[float, typer.Option(help="Seconds between updates.", min=0.1, max=3600)] = 2.0,
) -> None:
    """Show the progress of a comparison: runs done, running, stopped or failed, time left, and results so far.

    A run counts as stopped if its process has ended or, on another machine, if its files have not changed for ten
    minutes. To continue it, repeat the command that started it.

    `watch` only reads files, so you can use it from another terminal or machine. It exits after the last run, or on
    Ctrl-C.
    """
    from rich.console import Console
    from rich.live import Live

    from convstudy.report.terminal import watched
    from convstudy.study import ComparisonFolder, epochs_of, jobs_of, read_so_far, run_states, seconds_left

    comparison, console = ComparisonFolder(folder), Console()
    epochs, jobs = epochs_of(comparison), jobs_of(comparison)

    known: dict[tuple[bool, ...], Findings] = {}  # read again when a run has ended, not whenever one has gone on

    def drawn(states: tuple[RunState, ...]) -> RenderableType:
        key = tuple(state.state == "done" for state in states)
        if key not in known:
            known.clear()
            known[key] = read_so_far(comparison, states)
        return watched(states, epochs, known[key], seconds_left(states, epochs, jobs))

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
