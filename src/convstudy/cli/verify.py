"""`convstudy verify`: whether the files of finished runs are what was written."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from convstudy.wording import plural


def verify(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="Folder of a run or of a comparison, or a folder of such folders.")
    ],
) -> None:
    """Compare every file of finished runs and comparisons with its stored digest, and read the stored results.

    Each damaged, cut or missing file is one line. The exit status is 1 if there are any.
    """
    from convstudy.errors import ConvstudyError, printable
    from convstudy.study import ComparisonFolder, read_findings
    from convstudy.study.runs.verify import verify as verified

    found = verified(folder)
    problems = list(found.problems)
    for comparison in map(ComparisonFolder, sorted(path.parent for path in folder.rglob("comparison.json"))):
        try:
            problems += comparison.problems()
            if not problems and (comparison.path / "results.json").exists():
                read_findings(comparison)
        except ConvstudyError as error:
            problems.append(str(error))
    for problem in problems:
        typer.echo(printable(problem))
    if found.without_digests:
        typer.echo(f"{plural(found.without_digests, 'run')} of an earlier version: no digests to compare with")
    typer.echo(f"{plural(found.runs, 'run')}, {plural(len(problems), 'problem')}")
    if problems:
        raise typer.Exit(1)
