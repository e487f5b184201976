"""`convstudy compare`: train several networks under one recipe and compare them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from convstudy.cli.options import TableOrJson
from convstudy.cli.setting_flags import asked, with_setting_flags
from convstudy.cli.torch_import import import_torch
from convstudy.errors import StudyError

if TYPE_CHECKING:
    from convstudy.study import Plan, Results


@with_setting_flags
def compare(
    models: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="MODEL",
            help="Networks: names from `convstudy models`, or your own as path/to/file.py:Name or package.module:Name. "
            r"\[default: net resnet34, in a short study until sure: docs/studies.md]",
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
            help="Keep runs in the folder that were made under a different protocol, marked in red in the report.",
        ),
    ] = False,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run",
            help="Print what the comparison would cost and what it could show. Nothing is trained or written; a few "
            "steps are timed.",
        ),
    ] = False,
    form: TableOrJson = "table",
    **settings: Any,
) -> None:
    """Train networks under one recipe, test them, and report which one is better, by how much, and how sure that is.

    To continue an interrupted comparison, repeat the command: only missing runs are performed. Flags override the
    settings of --config; the resulting study is stored as study.yaml in the output folder.
    """
    from convstudy.study import planned
    from convstudy.study.plans.plan import Plan
    from convstudy.training import Recipe

    chosen = asked(Plan, settings) | ({"models": list(models)} if models else {})
    plan = planned(config, chosen, asked(Recipe, settings))
    if dry_run:
        show_forecast(plan, output, form)
        return
    if form != "table":
        raise StudyError("form is json; expected it together with --dry-run", setting="form")
    carry_out(plan, output, allow_mixed=allow_mixed)


def show_forecast(plan: Plan, output: Path | None, form: str) -> None:
    """Print what a comparison would cost and what it could show."""
    import json
    from dataclasses import asdict

    from rich.console import Console
    from rich.text import Text

    from convstudy.cli.reading import reading_networks_and_data

    with reading_networks_and_data():
        import_torch()
        from convstudy.report.terminal import forecast_table, introduction
        from convstudy.study import ComparisonFolder, forecast, prepare

        comparison = prepare(plan)
        found = forecast(comparison, ComparisonFolder(output or comparison.default_folder()))
    if form == "json":
        typer.echo(json.dumps(asdict(found), indent=2))
        return
    Console().print(Text(introduction(comparison)), forecast_table(found), sep="\n\n")


def carry_out(plan: Plan, output: Path | None, *, allow_mixed: bool = False) -> None:
    """Carry out a plan in its folder, and show progress and results on the terminal.

    The exit status is 1 if runs failed; the report then covers the runs that succeeded.
    """
    import sys

    from rich.console import Console
    from rich.text import Text

    from convstudy.cli.reading import reading_networks_and_data, without_thread

    with reading_networks_and_data() as shown:
        if import_torch() and plan.processes_per_run == 1:  # several processes need more modules than that server has
            from convstudy.study.runs.fork_server import fork_server

            with without_thread(shown):
                fork_server()
        from convstudy.report.sentences import budget_of
        from convstudy.report.terminal import (
            TrainingDisplay,
            cost_table,
            failed_runs,
            introduction,
            result_table,
            verdicts,
        )
        from convstudy.study import claim_comparison, protocol_of
        from convstudy.study.runs.writing import writing_into

        claimed = claim_comparison(plan, output, allow_mixed=allow_mixed)
    console = Console()
    comparison = claimed.comparison
    for warning in comparison.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    console.print(Text(introduction(comparison)), cost_table(comparison.entrants), sep="\n\n")
    if comparison.allowances:
        console.print(Text(f"\n{budget_of(protocol_of(comparison))}"))
    console.print()
    with TrainingDisplay(console) as display:
        failed = claimed.perform(display)
    from convstudy.report import write_drawings, write_html  # which need Jinja, among others

    for name, reason in write_drawings(claimed).items():
        print(f"note: the report has no drawing of {name} ({reason})", file=sys.stderr)
    findings = claimed.so_far() if failed else claimed.conclude()
    report, written = claimed.folder.path / "report.html", True
    try:
        with writing_into(claimed.folder.path):
            write_html(findings, report)
    except StudyError:
        if not failed:
            raise
        written = False  # what the runs failed of says why
    if findings.results.models:
        console.print(result_table(findings.results), "", verdicts(findings.results), "", sep="\n")
    for line in findings.results.protocol.mixed:
        console.print(Text(f"different protocol: {line}", style="bold red"), soft_wrap=True)
    if plan.lr_grid and not failed:
        console.print(Text(chosen_learning_rates(findings.results) + "\n"))
    if written:
        console.print(Text(f"report: {report}"), soft_wrap=True)
    if failed:
        print(f"error: {failed_runs(failed, len(list(comparison.runs())))}", file=sys.stderr)
        raise typer.Exit(1)


def chosen_learning_rates(results: Results) -> str:
    """Return a line with the learning rates that each network's runs chose."""
    chosen = [f"{model.name} {', '.join(f'{lr:g}' for lr in model.lrs)}" for model in results.models if model.lrs]
    return f"Learning rates chosen on the validation set, in the order of seeds: {'; '.join(chosen)}."
