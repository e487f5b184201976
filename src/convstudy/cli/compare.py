"""`convstudy compare`: networks are trained under one recipe and compared."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from convstudy.cli.setting_flags import asked, with_setting_flags

if TYPE_CHECKING:
    from convstudy.study import Plan, Results


@with_setting_flags
def compare(
    models: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="MODEL",
            help="Networks: names from `convstudy models`, or your own as path/to/file.py:Name or package.module:Name. "
            r"\[default: net resnet34]",
            show_default=False,
        ),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option("--config", "-c", help="Study in YAML (docs/studies.md); flags override it.", show_default=False),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help=r"Folder of the comparison. \[default: runs/<name>]", show_default=False),
    ] = None,
    allow_mixed: Annotated[
        bool,
        typer.Option(
            "--allow-mixed",
            help="Keep runs in the folder that were made under another protocol, and mark them in red in the report.",
        ),
    ] = False,
    **settings: Any,
) -> None:
    """Train networks under one recipe, and report which one is better and how sure that is.

    The same command run again performs only the runs that are missing, and continues an interrupted one. Flags override
    the study of --config or the default one; the study that results is stored as study.yaml.
    """
    from convstudy.study import planned
    from convstudy.study.plans.plan import Plan
    from convstudy.training import Recipe

    named = list(models or ()) or (["net", "resnet34"] if config is None else [])
    chosen = asked(Plan, settings) | ({"models": named} if named else {})
    carry_out(planned(config, chosen, asked(Recipe, settings)), output, allow_mixed=allow_mixed)


def carry_out(plan: Plan, output: Path | None, *, allow_mixed: bool = False) -> None:
    """Carry out a plan in its folder, and show its progress on the terminal."""
    import sys
    from dataclasses import replace

    from rich.console import Console
    from rich.text import Text

    from convstudy.report import write_html
    from convstudy.report.terminal import TrainingDisplay, cost_table, introduction, result_table, verdicts
    from convstudy.study import (
        ComparisonFolder,
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
    console.print(Text(introduction(comparison)), cost_table(comparison.entrants), sep="\n\n")
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
