"""`convstudy evaluate`: the accuracy of a trained network on test images."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from convstudy.cli.options import TableOrJson
from convstudy.cli.predict import Device, RunPath, Trust, opened
from convstudy.cli.torch_import import import_torch


def evaluate(
    run: RunPath,
    data: Annotated[
        str | None,
        typer.Option(
            help=r"Other data with the same classes (see `convstudy data`). \[default: the run's own test set]",
            show_default=False,
        ),
    ] = None,
    data_dir: Annotated[
        Path | None, typer.Option(help=r"Folder with the named data sets. \[default: data]", show_default=False)
    ] = None,
    test_data: Annotated[
        Path | None, typer.Option(help="A .npz or .h5 file with a test set: a second file of --data, or alone.")
    ] = None,
    skip_bad_images: Annotated[
        bool, typer.Option("--skip-bad-images", help="Skip images that cannot be decoded, and report them.")
    ] = False,
    device: Device = "auto",
    output_format: TableOrJson = "table",
    trust: Trust = False,
) -> None:
    """Evaluate a trained network on test images: top-1 accuracy with its 95% CI, in total and per class.

    With --data, the test set of those data is used, or every image if they have none; no training set is needed. Images
    that the run was trained on are counted and reported.
    """
    import json

    import_torch()
    from rich.console import Console

    from convstudy.report.terminal import evaluation_report
    from convstudy.study import choose_device
    from convstudy.study import evaluate as evaluated

    found = evaluated(
        opened(run, trust=trust),
        choose_device(device),
        data=data,
        data_dir=data_dir,
        test_data=test_data,
        skip_bad_images=skip_bad_images,
    )
    if output_format == "json":
        typer.echo(json.dumps(asdict(found), indent=2, ensure_ascii=False))
    else:
        Console().print(evaluation_report(found))
