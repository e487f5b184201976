"""A training, step by step: count, train from where it is, say what came out."""

from __future__ import annotations

import sys
from pathlib import Path
from textwrap import indent

from rich.console import Console
from rich.text import Text

from convstudy.cli.introduction import introduction
from convstudy.processes import first, joined
from convstudy.report import write_range_picture
from convstudy.report.terminal import TrainingDisplay, cost_table
from convstudy.study import Plan, TrainingRun, prepare_run
from convstudy.study.found_rate import PICTURE
from convstudy.training import recipe_text

NORM = {  # what to say of batch normalisation where processes share a batch
    "": "",
    "batch": "; batch normalisation sees the whole batch",
    "part": "; batch normalisation sees that part alone",
}


def carry_out_training(plan: Plan, output: Path | None, threads: int | None, *, measure_layout: bool = False) -> None:
    """Train in the run's folder, and show it on the terminal as it goes; of several processes the first one shows."""
    with joined() as here:
        console = Console(quiet=not here.first)
        run = prepare_run(plan, output, threads=threads, measure_layout=measure_layout)
        run.claim()
        if plan.find_lr:
            run = _with_found_rate(run, console)
        for warning in run.comparison.warnings if here.first else ():
            print(f"warning: {warning}", file=sys.stderr)
        console.print(Text(introduction(run.comparison)), cost_table(run.comparison.contestants), sep="\n\n")
        console.print(Text(f"\nrecipe\n{indent(recipe_text(run.comparison.recipe), '  ')}"))
        if not here.alone:
            console.print(f"{here.world} processes, each with its part of every batch{NORM[run.batch_normalisation]}\n")
        with TrainingDisplay(console) as display:
            run.perform(display)
        if here.first:
            from convstudy.report.terminal import trained_report  # its interval's libraries wait for the end

            console.print(trained_report(run.folder.record(), run.folder.read()))
            console.print(f"run: {run.folder.path}", soft_wrap=True, highlight=False)


def _with_found_rate(run: TrainingRun, console: Console) -> TrainingRun:
    console.print("range test: up to 100 steps with a learning rate that rises from 1e-5 to 10")
    found = run.range_test()
    run, picture = run.with_rate(found), run.folder.path / PICTURE
    first(lambda: write_range_picture(found, run.comparison.recipe.lr, picture))
    console.print(f"learning rate {run.comparison.recipe.lr:g}: a tenth of where the loss was lowest ({PICTURE})\n")
    return run
