"""`convstudy report`: draw the report again from what is stored."""

from __future__ import annotations

from collections.abc import Callable
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


PAGES = {Format.html, Format.pdf}


def report(
    folders: Annotated[
        list[Path],
        typer.Argument(
            metavar="DIR",
            help="A folder that `convstudy compare` has written; or several, of the same networks on other data.",
        ),
    ],
    output_format: Annotated[
        Format, typer.Option("--format", help="A page, a print, tables for a document, or data for programs.")
    ] = Format.html,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help=r"The file to write. \[default: DIR/report.html or .pdf, of several ranks.html or .pdf; the others "
            "are printed]",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Draw a comparison's report again from what is stored; of one that is not finished, from the runs that are done.

    Of several comparisons, the same networks on different data sets: how they rank (Friedman, Nemenyi), with the
    critical-difference diagram.

    The PDF is printed by Chromium or Chrome, where one is installed; the tables of LaTeX need the package booktabs.
    """
    if len(folders) > 1:
        _ranks(folders, output_format, output)
        return
    from convstudy.study import ComparisonFolder, read_findings, read_unfinished

    (folder,) = folders
    comparison = ComparisonFolder(folder)
    finished = (folder / "results.json").exists()
    findings = read_findings(comparison) if finished else read_unfinished(comparison)
    if output_format in PAGES:
        from convstudy.report import write_html

        path = output or folder / f"report.{output_format}"
        _write_page(lambda page: write_html(findings, page), path, output_format)
    else:
        _write_text(_text(folder, findings, output_format), output)


def _ranks(folders: list[Path], output_format: Format, output: Path | None) -> None:
    import shlex

    from convstudy.report import ranks, write_ranks
    from convstudy.study import rank

    ranking = rank(folders)
    path = output or Path(f"ranks.{output_format}")
    if output_format in PAGES:
        command = shlex.join(["convstudy", "report", *map(str, folders), "--output", str(path)])
        _write_page(lambda page: write_ranks(ranking, page, command), path, output_format)
        return
    write = {
        Format.markdown: ranks.markdown,
        Format.latex: ranks.latex,
        Format.json: ranks.text_json,
        Format.csv: ranks.csv,
    }
    _write_text(write[output_format](ranking), output)


def _write_page(write: Callable[[Path], None], path: Path, output_format: Format) -> None:
    """Write a page; where a PDF is asked for, print it."""
    import tempfile

    from convstudy.report.pdf import write_pdf

    if output_format is Format.pdf:
        with tempfile.TemporaryDirectory() as scratch:
            page = Path(scratch) / "report.html"
            write(page)
            write_pdf(page, path)
    else:
        write(path)
    typer.echo(path)


def _write_text(text: str, output: Path | None) -> None:
    from convstudy.files import whole_file

    if output is None:
        typer.echo(text, nl=False)
        return
    with whole_file(output) as draft:
        draft.write_text(text, encoding="utf-8", newline="\n")
    typer.echo(output)


def _text(folder: Path, findings: Findings, output_format: Format) -> str:
    from convstudy.errors import StudyError
    from convstudy.report import document

    if output_format in {Format.json, Format.csv}:
        if not (folder / "results.json").exists():
            raise StudyError(f"{folder} is not finished: there are no results for programs yet; take another --format")
        return (folder / f"results.{output_format}").read_text(encoding="utf-8")
    return document.markdown(findings) if output_format is Format.markdown else document.latex(findings)
