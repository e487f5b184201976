"""`convstudy import`: predictions of another program, added to a comparison."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def import_(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE",
            help="CSV or Parquet file, one per seed, with the columns id, label, and prediction, or logit_0, ... or "
            "probability_0, ...",
        ),
    ],
    model: Annotated[str, typer.Option(help="Name of the network that made the predictions.")],
    output: Annotated[
        Path,
        typer.Option("--output", "-o", help="Folder of a finished comparison on the same test images, or a new one."),
    ],
    seed: Annotated[
        int | None,
        typer.Option(
            help=r"Seed of the first file; the others follow it. \[default: the next free seed]", show_default=False
        ),
    ] = None,
) -> None:
    """Add the predictions of any program to a comparison, with the same intervals, tests and report.

    Predictions are matched by image id; `predictions.parquet` in any run lists the ids. Labels and predictions are
    class names, or class numbers that start at 0.
    """
    from rich.console import Console
    from rich.text import Text

    from convstudy.errors import ConvstudyError, StudyError
    from convstudy.report import write_html
    from convstudy.report.terminal import result_table, verdicts
    from convstudy.study import ComparisonFolder, import_predictions, read_findings

    folder = ComparisonFolder(output)
    problem = None
    for number, file in enumerate(files):
        try:
            import_predictions(folder, file, model, seed=None if seed is None else seed + number)
        except ConvstudyError as error:
            if number == 0:
                raise
            kept = "the file before it is" if number == 1 else f"the {number} files before it are"
            problem = StudyError(f"{error}; {kept} imported", setting=error.setting)
            break
    report = output / "report.html"
    with folder.alone():  # what another process has imported meanwhile is in the report
        findings = read_findings(folder)
        write_html(findings, report)
    console = Console()
    console.print(result_table(findings.results), "", verdicts(findings.results), "", sep="\n")
    console.print(Text(f"report: {report}"), soft_wrap=True)
    if problem is not None:
        raise problem
