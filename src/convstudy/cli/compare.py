"""`convstudy compare`: networks in, one verdict out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from convstudy.cli.options import (
    Data,
    DataDir,
    Device,
    Freeze,
    InputSize,
    SkipBadImages,
    TestData,
    TrainImages,
    UnfreezeAt,
)
from convstudy.cli.recipe_flags import given, with_recipe_flags

if TYPE_CHECKING:
    from convstudy.study import Plan, Results


@with_recipe_flags
def compare(
    models: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="MODEL",
            help="Networks: names of `convstudy models`, or your own as path/to/file.py:Name or package.module:Name. "
            r"\[default: net resnet34]",
            show_default=False,
        ),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(
            "--config", "-c", help="A study in YAML (docs/studies.md); flags override it.", show_default=False
        ),
    ] = None,
    data: Data = None,
    data_dir: DataDir = None,
    test_data: TestData = None,
    train_images: TrainImages = None,
    budget: Annotated[
        str | None,
        typer.Option(
            metavar="KIND=N",
            help="What each training may cost instead of --epochs: images=N, macs=N or seconds=N.",
            show_default=False,
        ),
    ] = None,
    lr_grid: Annotated[
        str | None,
        typer.Option(
            metavar="LR,LR,...",
            help="Instead of --lr: each run trains with each of these, and the validation part chooses.",
            show_default=False,
        ),
    ] = None,
    seeds: Annotated[
        int | None,
        typer.Option(
            help=r"Runs of each network; from three on, the seeds' spread shows. \[default: 3]", show_default=False
        ),
    ] = None,
    first_seed: Annotated[
        int | None, typer.Option("--first-seed", "--seed", help=r"The first seed. \[default: 0]", show_default=False)
    ] = None,
    input_size: InputSize = None,
    freeze: Freeze = None,
    unfreeze_at: UnfreezeAt = None,
    skip_bad_images: SkipBadImages = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help=r"Folder of the comparison. \[default: runs/<name>]", show_default=False),
    ] = None,
    allow_mixed: Annotated[
        bool,
        typer.Option(
            "--allow-mixed", help="Keep runs in the folder that were made under another protocol, and mark them in red."
        ),
    ] = False,
    threads: Annotated[
        int | None, typer.Option(help=r"Threads of a run, on the CPU. \[default: 1]", show_default=False)
    ] = None,
    jobs: Annotated[
        int | None,
        typer.Option(
            "--jobs", "-j", help=r"Runs side by side. \[default: cores / threads; 1 on a GPU]", show_default=False
        ),
    ] = None,
    device: Device = None,
    **recipe: Any,
) -> None:
    """Train networks under one recipe and say which is better, and how sure that is.

    Running the same command again does only what is missing; an interrupted run goes on where it was. The study is that
    of --config, or the default one, with what the flags say; it is stored as study.yaml.
    """
    from convstudy.study import Budget, planned, read_grid

    asked = {
        "models": tuple(models or ()) or (("net", "resnet34") if config is None else None),
        "data": data,
        "data_dir": data_dir,
        "test_data": test_data,
        "train_images": train_images,
        "budget": None if budget is None else Budget.parse(budget),
        "lr_grid": None if lr_grid is None else read_grid(lr_grid),
        "seeds": seeds,
        "first_seed": first_seed,
        "input_size": input_size,
        "freeze": None if freeze is None else freeze == "backbone",
        "unfreeze_at": unfreeze_at,
        "skip_bad_images": skip_bad_images,
        "threads": threads,
        "jobs": jobs,
        "device": device,
    }
    carry_out(planned(config, given(asked), given(recipe)), output, allow_mixed=allow_mixed)


def carry_out(plan: Plan, output: Path | None, *, allow_mixed: bool = False) -> None:
    """Carry out a plan in its folder, and show it on the terminal as it runs.

    Exit status 1: runs failed; the report shows those that did not.
    """
    import sys

    from rich.console import Console
    from rich.text import Text

    from convstudy.report import write_html
    from convstudy.report.sentences import budget_of
    from convstudy.report.terminal import TrainingDisplay, cost_table, failed_runs, introduction, result_table, verdicts
    from convstudy.study import claim_comparison, protocol_of

    console = Console()
    claimed = claim_comparison(plan, output, allow_mixed=allow_mixed)
    comparison = claimed.comparison
    for warning in comparison.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    console.print(Text(introduction(comparison)), cost_table(comparison.entrants), sep="\n\n")
    if comparison.allowances:
        console.print(Text(f"\n{budget_of(protocol_of(comparison))}"))
    console.print()
    with TrainingDisplay(console) as display:
        failed = claimed.perform(display)
    findings = claimed.so_far() if failed else claimed.conclude()
    report = claimed.folder.path / "report.html"
    write_html(findings, report)
    if findings.results.models:
        console.print(result_table(findings.results), "", verdicts(findings.results), "", sep="\n")
    for line in findings.results.protocol.mixed:
        console.print(Text(f"of another protocol: {line}", style="bold red"), soft_wrap=True)
    if plan.lr_grid and not failed:
        console.print(Text(chosen_learning_rates(findings.results) + "\n"))
    console.print(f"report: {report}", soft_wrap=True, highlight=False)
    if failed:
        print(f"error: {failed_runs(failed, len(list(comparison.runs())))}", file=sys.stderr)
        raise typer.Exit(1)


def chosen_learning_rates(results: Results) -> str:
    chosen = [f"{model.name} {', '.join(f'{lr:g}' for lr in model.lrs)}" for model in results.models if model.lrs]
    return f"Learning rates chosen on the validation part, by seed: {'; '.join(chosen)}."
