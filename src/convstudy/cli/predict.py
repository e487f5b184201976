"""`convstudy predict`: the classes that a trained network predicts for images."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from convstudy.cli.torch_import import import_torch
from convstudy.wording import plural, spreadsheet_text

if TYPE_CHECKING:
    from convstudy.study import Answer, TrainedRun

NAMES = ("label", "probability")  # columns per class of a CSV file
RUNS = "*/seed-*/run.json"  # in the folder of a comparison

RunPath = Annotated[
    Path,
    typer.Argument(metavar="RUN", help="Folder of a run, written by `convstudy train` or `convstudy compare`."),
]
Trust = Annotated[
    bool,
    typer.Option("--trust", help="Run the Python code of a run folder that somebody else wrote, without asking."),
]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:N or mps.")]


def predict(
    run: RunPath,
    images: Annotated[
        list[str], typer.Argument(metavar="IMAGE", help="Image files, folders of them, or patterns such as '*.jpg'.")
    ],
    topk: Annotated[int, typer.Option(help="Number of classes to report per image, most probable first.")] = 3,
    device: Device = "auto",
    output_format: Annotated[
        Literal["table", "csv", "json"], typer.Option("--format", help="table for reading, csv or json for programs.")
    ] = "table",
    trust: Trust = False,
) -> None:
    """Predict the classes of images with a trained network, with their probabilities.

    Images may have any size, format and color mode; they are preprocessed as the images of the run were. A file that
    cannot be decoded is reported with the reason, and the exit status is then 1. Of a comparison's folder, the run with
    the highest validation top-1 is used.
    """
    import json

    import_torch()
    from rich.console import Console

    from convstudy.report.terminal import answer_table
    from convstudy.study import answers, choose_device, image_files

    trained = opened(run, best=True, trust=trust)
    place = choose_device(device)
    found = list(
        answers(
            trained.network(place),
            image_files(images),
            class_names=trained.class_names,
            preprocessing=trained.preprocessing,
            topk=topk,
            device=place,
        )
    )
    if output_format == "table":
        Console().print(answer_table(found))
    elif output_format == "csv":
        _write_csv(found, min(topk, len(trained.class_names)))
    else:
        typer.echo(json.dumps([_plain(answer) for answer in found], indent=2, ensure_ascii=False))
    broken = sum(bool(answer.problem) for answer in found)
    if broken:
        typer.echo(f"{broken:,} of {plural(len(found), 'image')} cannot be decoded", err=True)
        raise typer.Exit(1)


def _plain(answer: Answer) -> dict[str, Any]:
    """Return an answer as plain values; the key `problem` exists only for a file that cannot be decoded."""
    from convstudy.errors import printable

    return {
        "image": printable(answer.path.as_posix()),
        "label": answer.label,
        "probability": answer.probability,
        "ranked": [{"label": label, "probability": probability} for label, probability in answer.ranked],
    } | ({"problem": answer.problem} if answer.problem else {})


def _write_csv(answers: Sequence[Answer], topk: int) -> None:
    """Print one line per image: its classes with their probabilities in descending order, and its problem."""
    import csv

    from convstudy.errors import printable

    writer = csv.writer(sys.stdout, lineterminator="\n")
    ranks = [f"{name}{'' if rank == 1 else f'_{rank}'}" for rank in range(1, topk + 1) for name in NAMES]
    writer.writerow(["image", *ranks, "problem"])
    for answer in answers:
        values = [value for label, share in answer.ranked for value in (spreadsheet_text(label), share)] or [""] * len(
            ranks
        )
        writer.writerow([spreadsheet_text(printable(answer.path.as_posix())), *values, answer.problem])


def opened(run: Path, *, best: bool = False, trust: bool = False) -> TrainedRun:
    """Open a run or, with `best`, the best run of a comparison; print on standard error what is not evident.

    It says which run of a comparison is used, and whether the run's own copy of the user's source file is. If using the
    run would execute somebody else's code, it asks, unless `trust`.
    """
    from dataclasses import replace

    from convstudy.study import open_run

    trained = open_run(run, best=best, trusted=trust)
    if trained.foreign_code and agreed_to_run(trained.foreign_code, trained.folder.path):
        trained = replace(trained, trusted=True)
    if trained.folder.path not in {run, run.parent} and len(list(run.glob(RUNS))) > 1:
        typer.echo(f"using {trained.folder.path}, which has the highest validation top-1", err=True)
    if trained.copy_used and not trained.foreign_code:
        problem = "has changed since this run was trained" if trained.source_exists else "is not in this folder"
        typer.echo(f"{trained.name} {problem}; using the copy stored in the run", err=True)
    return trained


def agreed_to_run(code: str, folder: Path) -> bool:
    """Ask whether to run somebody else's code, if there is somebody to ask."""
    from convstudy.errors import printable

    if not sys.stdin.isatty():
        return False
    question = f"{folder} was not written by you on this machine; using it runs the Python code {code}. Run it?"
    return typer.confirm(printable(question), err=True)
