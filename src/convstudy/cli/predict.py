"""`convstudy predict`: the classes that a trained network predicts for images."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from convstudy.cli.options import TableOrJson

if TYPE_CHECKING:
    from convstudy.study import TrainedRun

RunPath = Annotated[
    Path,
    typer.Argument(metavar="RUN", help="Folder of a run, written by `convstudy train` or `convstudy compare`."),
]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:N or mps.")]


def predict(
    run: RunPath,
    images: Annotated[
        list[str], typer.Argument(metavar="IMAGE", help="Image files, folders of them, or patterns such as '*.jpg'.")
    ],
    topk: Annotated[int, typer.Option(help="Number of classes to report per image, most probable first.")] = 3,
    device: Device = "auto",
    output_format: TableOrJson = "table",
) -> None:
    """Predict the classes of images with a trained network, with their probabilities.

    Images may have any size, format and color mode; they are preprocessed as the images of the run were.
    """
    import json

    from rich.console import Console

    from convstudy.errors import printable
    from convstudy.report.terminal import answer_table
    from convstudy.study import answers, choose_device, image_files

    trained = opened(run)
    place = choose_device(device)
    found = answers(
        trained.network(place),
        image_files(images),
        class_names=trained.class_names,
        preprocessing=trained.preprocessing,
        topk=topk,
        device=place,
    )
    if output_format == "table":
        Console().print(answer_table(found))
        return
    plain = [
        {
            "image": printable(answer.path.as_posix()),
            "label": answer.label,
            "probability": answer.ranked[0][1],
            "ranked": [{"label": label, "probability": probability} for label, probability in answer.ranked],
        }
        for answer in found
    ]
    typer.echo(json.dumps(plain, indent=2, ensure_ascii=False))


def opened(run: Path) -> TrainedRun:
    """Open a run. If its own copy of the user's source file is used, print a note on standard error."""
    from convstudy.study import open_run

    trained = open_run(run)
    if trained.copy_used:
        problem = "has changed since this run was trained" if trained.source_exists else "is not in this folder"
        typer.echo(f"{trained.name} {problem}; using the copy stored in the run", err=True)
    return trained
