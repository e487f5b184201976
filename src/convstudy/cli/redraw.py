"""`convstudy report`: draw the report again from what is stored."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def report(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder that `convstudy compare` has written.")],
) -> None:
    """Draw a comparison's report.html again from what is stored."""
    from convstudy.report import write_html
    from convstudy.study import ComparisonFolder, read_findings

    path = folder / "report.html"
    write_html(read_findings(ComparisonFolder(folder)), path)
    typer.echo(path)
