"""`convstudy report`: the report of a comparison, drawn from its stored results."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from convstudy.study import Findings


class ReportFormat(StrEnum):
    """A format in which a comparison can be written."""

    html = "html"
    pdf = "pdf"
    markdown = "markdown"
    latex = "latex"
    json = "json"
    csv = "csv"


PAGES = {ReportFormat.html, ReportFormat.pdf}


class Paper(StrEnum):
    """A size of paper."""

    a4 = "a4"
    letter = "letter"


def report(
    folders: Annotated[
        list[Path],
        typer.Argument(
            metavar="DIR",
            help="Folder written by `convstudy compare` or `convstudy train`; or several comparisons, with the same "
            "networks on different data sets.",
        ),
    ],
    output_format: Annotated[
        ReportFormat,
        typer.Option(
            "--format", help="html or pdf for reading, markdown or latex for a document, json or csv for programs."
        ),
    ] = ReportFormat.html,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help=r"File to write. \[default: report.html or report.pdf in DIR; for several folders ranks.html or "
            "ranks.pdf; the other formats are printed]",
            show_default=False,
        ),
    ] = None,
    title: Annotated[
        str | None,
        typer.Option(help=r"Title of the page. \[default: its networks and data]", show_default=False),
    ] = None,
    figures: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Also write every chart as SVG and PDF into this folder.", show_default=False),
    ] = None,
    paper: Annotated[Paper, typer.Option(help="Size of paper for --format pdf.")] = Paper.a4,
) -> None:
    """Write the report of a comparison from its stored results, or from its finished runs if others are missing.

    The report of a single run covers this run only, and loads its data again.

    Several comparisons of the same networks on different data sets give a ranking of the networks (Friedman and Nemenyi
    tests) with a critical-difference diagram.

    PDF needs an installed Chromium or Chrome, which as root runs without its sandbox. LaTeX tables need the packages
    booktabs and siunitx.
    """
    if len(folders) > 1:
        _refuse(title, figures)
        _ranks(folders, output_format, output)
        return
    (folder,) = folders
    findings = _findings(folder)
    if output_format in PAGES:
        from convstudy.report import write_html

        path = output or folder / f"report.{output_format}"
        size = paper.value if output_format is ReportFormat.pdf else ""
        _write_page(
            lambda page: write_html(findings, page, title=title, folder=folder, paper=size), path, output_format
        )
    else:
        _write_text(_text(folder, findings, output_format), output)
    if figures is not None:
        from convstudy.report import write_figures

        for path in write_figures(findings, figures):
            typer.echo(path, err=output_format not in PAGES)


def _findings(folder: Path) -> Findings:
    """Return what a report is made from: a comparison, finished or not, or a single run."""
    from convstudy.report.networks import with_drawing
    from convstudy.study import ComparisonFolder, open_run, read_findings, read_run, read_unfinished

    if (folder / "run.json").exists():
        run = open_run(folder)
        return with_drawing(read_run(run), run)
    comparison = ComparisonFolder(folder)
    finished = (folder / "results.json").exists()
    return read_findings(comparison) if finished else read_unfinished(comparison)


def _refuse(title: str | None, figures: Path | None) -> None:
    """Refuse what a ranking over several data sets does not have. Raises: StudyError."""
    from convstudy.errors import StudyError

    for setting, value in (("title", title), ("figures", figures)):
        if value is not None:
            raise StudyError(f"a ranking of several comparisons takes no `{setting}`; give one folder", setting=setting)


def _ranks(folders: list[Path], output_format: ReportFormat, output: Path | None) -> None:
    import shlex

    from convstudy.report import ranks, write_ranks
    from convstudy.study import rank
    from convstudy.wording import shared_name

    ranking = rank(folders)
    path = output or Path(f"ranks.{output_format}")
    if output_format in PAGES:
        command = shlex.join(["convstudy", "report", *map(shared_name, map(str, [*folders, "--output", path]))])
        _write_page(lambda page: write_ranks(ranking, page, command), path, output_format)
        return
    write = {
        ReportFormat.markdown: ranks.markdown,
        ReportFormat.latex: ranks.latex,
        ReportFormat.json: ranks.text_json,
        ReportFormat.csv: ranks.csv,
    }
    _write_text(write[output_format](ranking), output)


def _write_page(write: Callable[[Path], None], path: Path, output_format: ReportFormat) -> None:
    """Write an HTML page, or print it to a PDF file."""
    import tempfile

    from convstudy.report.pdf import runs_without_sandbox, write_pdf

    if output_format is ReportFormat.pdf:
        with tempfile.TemporaryDirectory() as scratch:
            page = Path(scratch) / "report.html"
            write(page)
            if runs_without_sandbox():
                typer.echo("note: as root, Chromium prints the page without its sandbox", err=True)
            write_pdf(page, path)
    else:
        write(path)
    typer.echo(path)


def _write_text(text: str, output: Path | None) -> None:
    from convstudy.files import whole_file

    if output is None:
        typer.echo(text, nl=False)
        return
    with whole_file(output, keep_hard_links=True) as draft:
        draft.write_text(text, encoding="utf-8", newline="\n")
    typer.echo(output)


def _text(folder: Path, findings: Findings, output_format: ReportFormat) -> str:
    from convstudy.errors import StudyError
    from convstudy.report import document
    from convstudy.study import ComparisonFolder

    if output_format in {ReportFormat.json, ReportFormat.csv}:
        if (folder / "run.json").exists():
            raise StudyError(f"{folder} is a single run, whose results are in its run.json; choose another --format")
        if not (folder / "results.json").exists():
            raise StudyError(
                f"{folder} is not finished and has no results.{output_format} yet; choose another --format"
            )
        ComparisonFolder(folder).require_undamaged(f"results.{output_format}")
        return (folder / f"results.{output_format}").read_text(encoding="utf-8")
    return document.markdown(findings) if output_format is ReportFormat.markdown else document.latex(findings)
