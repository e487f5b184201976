"""`convstudy import`: predictions that another program made join a comparison."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def import_(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE",
            help="CSV or Parquet: id, label, and prediction, or logit_0 ... or probability_0 ...; a file a seed.",
        ),
    ],
    model: Annotated[str, typer.Option(help="What the network is called that made them.")],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="A finished comparison's folder on the same images, or a new one.")
    ],
    seed: Annotated[
        int | None, typer.Option(help=r"Number of the first run. \[default: the next one]", show_default=False)
    ] = None,
) -> None:
    """Let the predictions of any program join a comparison: its intervals, tests and report.

    They are matched by id; `predictions.parquet` of any run lists the test images. Labels and predictions are class
    numbers from 0, or class names.
    """
    from rich.console import Console

    from convstudy.report import write_html
    from convstudy.report.terminal import result_table, verdicts
    from convstudy.study import ComparisonFolder, import_predictions

    folder = ComparisonFolder(output)
    for number, file in enumerate(files):
        findings = import_predictions(folder, file, model, seed=None if seed is None else seed + number)
    report = output / "report.html"
    write_html(findings, report)
    console = Console()
    console.print(result_table(findings.results), "", verdicts(findings.results), "", sep="\n")
    console.print(f"report: {report}", soft_wrap=True, highlight=False)
