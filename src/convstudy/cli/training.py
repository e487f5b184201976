"""A training, step by step: count, train from where it is, say what came out."""

from __future__ import annotations

import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text

from convstudy.cli.comparing import introduction
from convstudy.report.terminal import TrainingDisplay, cost_table, trained_report
from convstudy.study import Plan, RunFolder, open_run, prepare_run


def carry_out_training(plan: Plan, output: Path | None) -> None:
    """Train in the run's folder, and show it on the terminal as it goes."""
    console = Console()
    run = prepare_run(plan)
    folder = RunFolder(output or run.default_folder())
    run.claim(folder)
    for warning in run.comparison.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    console.print(Text(introduction(run.comparison)), cost_table(run.comparison.contestants), sep="\n\n")
    console.print()
    with TrainingDisplay(console) as display:
        run.perform(folder, display)
    console.print(trained_report(open_run(folder.path).record, folder.read()))
    console.print(f"run: {folder.path}", soft_wrap=True, highlight=False)
