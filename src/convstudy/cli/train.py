"""`convstudy train`: one network trained with one seed in one folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from convstudy.cli.setting_flags import FIND, asked, with_setting_flags
from convstudy.cli.torch_import import import_torch

if TYPE_CHECKING:
    from rich.console import Console

    from convstudy.study import Plan, TrainingRun

NORM = {  # printed if several processes share a batch
    "": "",
    "batch": "; batch normalization covers the whole batch",
    "part": "; batch normalization covers only that part",
}


@with_setting_flags
def train(
    model: Annotated[
        str | None,
        typer.Argument(
            metavar="MODEL", help="A network: a name from `convstudy models`, or your own as path/to/file.py:Name."
        ),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(
            "--config",
            "-c",
            help="Recipe in YAML, such as recipe.yaml of a run; flags override it.",
            show_default=False,
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "--output-dir", "-o", help=r"Folder of the run. \[default: runs/<name>]", show_default=False
        ),
    ] = None,
    resume: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER", help="Continue the run in this folder with its own settings.", show_default=False
        ),
    ] = None,
    trust: Annotated[
        bool,
        typer.Option("--trust", help="With --resume: run the Python code of a run that somebody else started."),
    ] = False,
    **settings: Any,
) -> None:
    """Train a network with one seed, test it once, and store it for evaluate, predict and export.

    To continue an interrupted run, repeat the command or pass --resume FOLDER. Flags override the recipe of --config;
    the resulting recipe is printed, and stored as recipe.yaml in the output folder.
    """
    from convstudy.errors import StudyError
    from convstudy.study.plans.plan import Plan
    from convstudy.training import Recipe
    from convstudy.training.presets import with_preset

    if resume is not None:
        import_torch()
        from convstudy.study import stored_plan

        if model is not None:
            raise StudyError(f"--resume {resume} continues that run with its own settings; leave out MODEL")
        folder = resume.parent if resume.is_file() else resume
        _refuse_foreign_code(folder, trust)
        carry_out_training(stored_plan(folder), folder, None)
        return
    if model is None:
        raise StudyError("no network to train; name one, as in `convstudy train resnet18 --data path/to/images`")
    recipe = {**_of_file(config), **with_preset(asked(Recipe, settings))}
    find_lr = recipe.get("lr") == FIND
    if find_lr:
        del recipe["lr"]
    chosen = asked(Plan, settings)
    plan = Plan.from_dict({"models": [model], "seeds": 1, **chosen, "find_lr": find_lr, "recipe": recipe})
    carry_out_training(plan, output, chosen.get("threads"))


def _refuse_foreign_code(folder: Path, trust: bool) -> None:
    """Ask before somebody else's code is run. Raises: StudyError, if it must not be."""
    from convstudy.cli.predict import agreed_to_run
    from convstudy.errors import StudyError
    from convstudy.study import foreign_code

    code = "" if trust else foreign_code(folder)
    if code and not agreed_to_run(code, folder):
        raise StudyError(
            f"{folder} was not written by you on this machine, and continuing it runs {code}, which can do anything "
            "that you can; read it, then set `trust`",
            setting="trust",
        )


def _of_file(config: Path | None) -> dict[str, Any]:
    from convstudy.training.recipe_file import recipe_settings

    return {} if config is None else recipe_settings(config)


def carry_out_training(plan: Plan, output: Path | None, threads: int | None) -> None:
    """Perform a run in its folder. The first process shows the progress on the terminal."""
    import sys
    from textwrap import indent

    from rich.console import Console
    from rich.text import Text

    from convstudy.cli.reading import reading_networks_and_data
    from convstudy.processes import joined

    with joined() as here:
        with reading_networks_and_data():
            import_torch()
            from convstudy.report.terminal import TrainingDisplay, cost_table, introduction
            from convstudy.study import prepare_run
            from convstudy.training import recipe_text
            from convstudy.training.precision import computes_bfloat16

            run = prepare_run(plan, output, threads=threads)
            run.claim()
        console = Console(quiet=not here.first)
        if plan.find_lr:
            run = _with_found_rate(run, console)
        for warning in run.comparison.warnings if here.first else ():
            print(f"warning: {warning}", file=sys.stderr)
        console.print(Text(introduction(run.comparison)), cost_table(run.comparison.entrants), sep="\n\n")
        console.print(Text(f"\nrecipe\n{indent(recipe_text(run.comparison.recipe), '  ')}"))
        if not here.alone:
            console.print(f"{here.world} processes, each with a part of every batch{NORM[run.batch_normalization]}\n")
        with TrainingDisplay(console) as display:
            run.perform(display)
        if here.first:
            from convstudy.report.terminal import trained_report  # imports SciPy, which is not needed earlier

            native = computes_bfloat16(run.comparison.device)
            console.print(trained_report(run.folder.record(), run.folder.read(), bfloat16=native))
            console.print(Text(f"run: {run.folder.path}"), soft_wrap=True)


def _with_found_rate(run: TrainingRun, console: Console) -> TrainingRun:
    from convstudy.processes import first
    from convstudy.report import write_range_picture
    from convstudy.study.runs.lr_range_test import PICTURE

    console.print("learning-rate range test: up to 100 steps from 1e-5 to 10")
    found = run.range_test()
    picture = run.folder.path / PICTURE
    first(lambda: write_range_picture(found, None, picture))  # also if no rate can be chosen
    run = run.with_rate(found)
    first(lambda: write_range_picture(found, run.comparison.recipe.lr, picture))
    console.print(f"learning rate {run.comparison.recipe.lr:g}: one tenth of that with the lowest loss ({PICTURE})\n")
    return run
