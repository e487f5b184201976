"""`convstudy train`: one network, one seed, one folder."""

from __future__ import annotations

from dataclasses import replace
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
from convstudy.cli.recipe_flags import FIND, given, with_recipe_flags

if TYPE_CHECKING:
    from rich.console import Console

    from convstudy.study import Plan, TrainingRun
    from convstudy.training import Recipe

NORM = {  # what to say of batch normalisation where processes share a batch
    "": "",
    "batch": "; batch normalisation sees the whole batch",
    "part": "; batch normalisation sees that part alone",
}


@with_recipe_flags
def train(
    model: Annotated[
        str | None,
        typer.Argument(metavar="MODEL", help="A network: see `convstudy models`, or your own as path/to/file.py:Name."),
    ] = None,
    data: Data = None,
    data_dir: DataDir = None,
    test_data: TestData = None,
    train_images: TrainImages = None,
    config: Annotated[
        Path | None,
        typer.Option(
            "--config", "-c", help="A recipe in YAML, as a run's recipe.yaml; flags override it.", show_default=False
        ),
    ] = None,
    input_size: InputSize = None,
    freeze: Freeze = None,
    unfreeze_at: UnfreezeAt = None,
    skip_bad_images: SkipBadImages = None,
    seed: Annotated[int, typer.Option(help="Of initialisation, split, order, augmentation and dropout.")] = 0,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "--output-dir", "-o", help=r"Folder of the run. \[default: runs/<name>]", show_default=False
        ),
    ] = None,
    resume: Annotated[
        Path | None, typer.Option(help="Go on with the run of this folder, as it was asked for.", show_default=False)
    ] = None,
    log: Annotated[
        list[str] | None,
        typer.Option(
            metavar="TRACKER",
            help="Also tell the epochs to: tensorboard, wandb, mlflow (extras of these names). Repeatable.",
        ),
    ] = None,
    threads: Annotated[
        int | None,
        typer.Option(help=r"Threads, on the CPU. \[default: the number measured to be fastest]", show_default=False),
    ] = None,
    device: Device = None,
    **recipe: Any,
) -> None:
    """Train a network, test it once, and leave a folder for evaluate, predict and export.

    Interrupted, the same command goes on with it, and so does --resume FOLDER. The recipe is that of --config, or the
    default one, with what the flags say; it is printed, and stored as recipe.yaml.
    """
    from convstudy.errors import StudyError
    from convstudy.study import Plan, stored_plan

    if resume is not None:
        if model is not None:
            raise StudyError(f"--resume {resume} goes on as that run was asked for; leave MODEL out")
        folder = resume.parent if resume.is_file() else resume
        carry_out_training(stored_plan(folder), folder, None)
        return
    if model is None:
        raise StudyError("no network to train; name one, as in `convstudy train resnet18 --data path/to/images`")
    asked = given(recipe)
    find_lr = asked.get("lr") == FIND
    if find_lr:
        del asked["lr"]
    of_data = {
        "data": data,
        "data_dir": data_dir,
        "test_data": test_data,
        "train_images": train_images,
        "input_size": input_size,
        "skip_bad_images": skip_bad_images,
        "device": device,
    }
    plan = Plan(
        models=(model,),
        seeds=1,
        first_seed=seed,
        recipe=_recipe(config, asked),
        find_lr=find_lr,
        horizontal_flip=_said(config, asked, "horizontal_flip"),
        threads=1 if threads is None else threads,
        log=tuple(log or ()),
        freeze=freeze == "backbone",
        unfreeze_at=unfreeze_at or 0,
        **given(of_data),
    )
    measure_layout = threads is None and _said(config, asked, "channels_last") is None
    carry_out_training(plan, output, threads, measure_layout=measure_layout)


def _recipe(config: Path | None, asked: dict[str, Any]) -> Recipe:
    """The recipe of the file, else the default one, with what was asked."""
    from convstudy.training import Recipe, read_recipe

    return replace(read_recipe(config) if config else Recipe(), **asked)


def _said(config: Path | None, asked: dict[str, Any], setting: str) -> bool | None:
    """Yes or no, as the flag or else the file says; None where neither says, and data or a measurement decide."""
    if setting in asked or config is None:
        return asked.get(setting)
    import yaml

    settings = yaml.safe_load(config.read_text(encoding="utf-8")) or {}
    return next((value for name, value in settings.items() if name.replace("-", "_") == setting), None)


def carry_out_training(plan: Plan, output: Path | None, threads: int | None, *, measure_layout: bool = False) -> None:
    """Train in the run's folder, and show it on the terminal as it goes; of several processes the first one shows."""
    import sys
    from textwrap import indent

    from rich.console import Console
    from rich.text import Text

    from convstudy.processes import joined
    from convstudy.report.terminal import TrainingDisplay, cost_table, introduction
    from convstudy.study import prepare_run
    from convstudy.training import recipe_text

    with joined() as here:
        console = Console(quiet=not here.first)
        run = prepare_run(plan, output, threads=threads, measure_layout=measure_layout)
        run.claim()
        if plan.find_lr:
            run = _with_found_rate(run, console)
        for warning in run.comparison.warnings if here.first else ():
            print(f"warning: {warning}", file=sys.stderr)
        console.print(Text(introduction(run.comparison)), cost_table(run.comparison.entrants), sep="\n\n")
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
    from convstudy.processes import first
    from convstudy.report import write_range_picture
    from convstudy.study.runs.lr_range_test import PICTURE

    console.print("range test: up to 100 steps with a learning rate that rises from 1e-5 to 10")
    found = run.range_test()
    run, picture = run.with_rate(found), run.folder.path / PICTURE
    first(lambda: write_range_picture(found, run.comparison.recipe.lr, picture))
    console.print(f"learning rate {run.comparison.recipe.lr:g}: a tenth of where the loss was lowest ({PICTURE})\n")
    return run
