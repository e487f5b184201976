"""The main job, step by step: count, train what is missing, conclude, report."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.text import Text

from convstudy.cli.introduction import introduction
from convstudy.report import write_html
from convstudy.report.terminal import TrainingDisplay, cost_table, result_table, verdicts
from convstudy.study import (
    ComparisonFolder,
    Plan,
    Results,
    budget_words,
    check_runs,
    conclude,
    perform_missing,
    prepare,
    read_layers,
    with_imported,
    with_measured,
    write_allowances,
    write_findings,
    write_start,
    write_study,
)


def carry_out(plan: Plan, output: Path | None, *, allow_mixed: bool = False) -> None:
    """Carry out a plan in its folder, and show it on the terminal as it goes."""
    console = Console()
    comparison = prepare(plan)
    folder = ComparisonFolder(output or comparison.default_folder())
    folder.check(comparison.identity(), allow_mixed=allow_mixed)
    comparison = with_measured(comparison, folder)
    check_runs(comparison, folder, allow_mixed=allow_mixed)
    folder.claim(comparison.identity(), allow_mixed=allow_mixed)
    write_allowances(folder, comparison)
    write_start(folder, comparison, allow_mixed=allow_mixed)
    write_study(plan, folder.path / "study.yaml")
    for warning in comparison.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    console.print(Text(introduction(comparison)), cost_table(comparison.contestants), sep="\n\n")
    if comparison.allowances:
        console.print(Text(f"\n{budget_words(comparison)}"))
    console.print()
    with TrainingDisplay(console) as display:
        perform_missing(comparison, folder, display)
    findings = replace(
        with_imported(conclude(comparison, folder, allow_mixed=allow_mixed), folder), layers=read_layers(folder)
    )
    write_findings(folder, findings)
    report = folder.path / "report.html"
    write_html(findings, report)
    console.print(result_table(findings.results), "", verdicts(findings.results), "", sep="\n")
    for line in findings.results.protocol.mixed:
        console.print(Text(f"of another protocol: {line}", style="bold red"), soft_wrap=True)
    if plan.lr_grid:
        console.print(Text(chosen_learning_rates(findings.results) + "\n"))
    console.print(f"report: {report}", soft_wrap=True, highlight=False)


def chosen_learning_rates(results: Results) -> str:
    chosen = [f"{model.name} {', '.join(f'{lr:g}' for lr in model.lrs)}" for model in results.models if model.lrs]
    return f"Learning rates chosen on the validation part, by seed: {'; '.join(chosen)}."
