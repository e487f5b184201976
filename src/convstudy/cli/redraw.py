"""`convstudy report`: draw the report again from what is stored."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from convstudy.study import Findings


class Format(StrEnum):
    """What a comparison is written as."""

    html = "html"
    pdf = "pdf"
    markdown = "markdown"
    latex = "latex"
    json = "json"
    csv = "csv"


def report(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder that `convstudy compare` has written.")],
    output_format: Annotated[
        Format, typer.Option("--format", help="A page, a print, tables for a document, or data for programs.")
    ] = Format.html,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help=r"The file to write. \[default: DIR/report.html or .pdf; the others are printed]",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Draw a comparison's report again from what is stored; of one that is not finished, from the runs that are done.

    The PDF is printed by Chromium or Chrome, where one is installed; the tables of LaTeX need the package booktabs.
    """
    from convstudy.files import whole_file
    from convstudy.study import ComparisonFolder, read_findings, read_unfinished

    comparison = ComparisonFolder(folder)
    finished = (folder / "results.json").exists()
    findings = read_findings(comparison) if finished else read_unfinished(comparison)
    if output_format in {Format.html, Format.pdf}:
        path = output or folder / f"report.{output_format}"
        _write_page(findings, path, output_format)
        typer.echo(path)
        return
    text = _text(folder, findings, output_format)
    if output is None:
        typer.echo(text, nl=False)
        return
    with whole_file(output) as draft:
        draft.write_text(text, encoding="utf-8", newline="\n")
    typer.echo(output)


def _write_page(findings: Findings, path: Path, output_format: Format) -> None:
    import tempfile

    from convstudy.report import write_html
    from convstudy.report.pdf import write_pdf

    if output_format is Format.html:
        write_html(findings, path)
        return
    with tempfile.TemporaryDirectory() as scratch:
        page = Path(scratch) / "report.html"
        write_html(findings, page)
        write_pdf(page, path)


def _text(folder: Path, findings: Findings, output_format: Format) -> str:
    from convstudy.errors import StudyError
    from convstudy.report import document

    if output_format in {Format.json, Format.csv}:
        if not (folder / "results.json").exists():
            raise StudyError(f"{folder} is not finished: there are no results for programs yet; take another --format")
        return (folder / f"results.{output_format}").read_text(encoding="utf-8")
    return document.markdown(findings) if output_format is Format.markdown else document.latex(findings)
