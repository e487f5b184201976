"""`convstudy reproduce`: a classic finding, repeated."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from convstudy.cli.torch_import import import_torch

if TYPE_CHECKING:
    from rich.console import Console

    from convstudy.findings import Outcome
    from convstudy.study import ClaimedComparison, Findings


class FindingFormat(StrEnum):
    """A format in which a repeated finding is printed."""

    text = "text"
    markdown = "markdown"
    json = "json"


def reproduce(
    name: Annotated[
        str | None,
        typer.Argument(metavar="[NAME]", help=r"The finding. \[default: list all of them]", show_default=False),
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="A short version: minutes on two CPU cores, on small images.")
    ] = False,
    data: Annotated[
        str | None,
        typer.Option(
            help="Named data set, folder or file to train on; for `assignment`, the only one of its data sets. "
            r"\[default: digits with --quick, otherwise cifar10]",
            show_default=False,
        ),
    ] = None,
    data_dir: Annotated[
        Path | None,
        typer.Option(
            help=r"Folder with the named data sets, and with signs/; missing ones are downloaded. \[default: data]",
            show_default=False,
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help=r"Folder of the runs and the page. \[default: runs/NAME or runs/NAME-quick]",
            show_default=False,
        ),
    ] = None,
    output_format: Annotated[
        FindingFormat, typer.Option("--format", help="text for reading here, markdown, or json for programs.")
    ] = FindingFormat.text,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:N or mps.")] = "auto",
    jobs: Annotated[
        int | None,
        typer.Option(
            "--jobs", "-j", help=r"Number of runs at the same time. \[default: one per core]", show_default=False
        ),
    ] = None,
) -> None:
    """Repeat a classic finding, and say whether it shows: with its figures and those of its source.

    Without NAME, list the findings and the time that each takes. An interrupted command continues when it is repeated.
    The output folder has the runs, a report of each comparison, and the page as finding.html, .md and .json.
    """
    from rich.console import Console
    from rich.text import Text

    from convstudy.findings import FINDINGS, finding
    from convstudy.report.listing import finding_list

    if name is None:
        Console().print(finding_list(FINDINGS.values()))
        return
    about = finding(name)
    quick = quick and bool(about.quick_differs)
    folder = output or Path("runs") / f"{name}{'-quick' if quick else ''}"
    outcome = _repeated(name, quick, data, data_dir, folder, device, jobs)
    words = ["convstudy reproduce", name, *(["--quick"] if quick else []), *([f"--data {data}"] if data else [])]
    texts = _written(folder, outcome, " ".join(words))
    if output_format is FindingFormat.text:
        from convstudy.report.terminal import finding_page

        console = Console()
        console.print(finding_page(about, outcome))
        console.print(Text(f"\npage: {folder / 'finding.html'}"), soft_wrap=True)
    else:
        typer.echo(texts[{"markdown": "finding.md", "json": "finding.json"}[output_format]], nl=False)


def _repeated(
    name: str, quick: bool, data: str | None, data_dir: Path | None, folder: Path, device: str, jobs: int | None
) -> Outcome:
    """Repeat a finding; progress is shown on standard error."""
    import_torch()
    from rich.console import Console

    from convstudy.findings import Setting, reproduce
    from convstudy.report.terminal import TrainingDisplay

    console = Console(stderr=True)
    return reproduce(
        name,
        Setting(
            folder=folder,
            quick=quick,
            data=data,
            data_dir=data_dir,
            device=device,
            jobs=jobs,
            display=lambda: TrainingDisplay(console),
            on_compared=lambda claimed, found: _with_report(claimed, found, console),
            on_note=lambda note: console.print(note, highlight=False),
        ),
    )


def _with_report(claimed: ClaimedComparison, found: Findings, console: Console) -> None:
    """Write the report of a comparison into its folder."""
    from convstudy.report import write_drawings, write_html

    for model, reason in write_drawings(claimed).items():
        console.print(f"note: the report has no drawing of {model} ({reason})")
    write_html(found, claimed.folder.path / "report.html")


def _written(folder: Path, outcome: Outcome, command: str) -> dict[str, str]:
    """Write the page in each format into the folder, and return the texts by file name."""
    import json
    from dataclasses import asdict

    from convstudy.files import whole_file
    from convstudy.findings import finding
    from convstudy.report import finding as pages

    about = finding(outcome.finding)
    record = {"answer": outcome.answer, **asdict(outcome), "source": about.source, "command": command}
    record["printed"] = [asdict(each) for each in about.printed]
    texts = {
        "finding.html": pages.html(about, outcome, command),
        "finding.md": pages.markdown(about, outcome, command),
        "finding.json": json.dumps(record, indent=2) + "\n",
    }
    folder.mkdir(parents=True, exist_ok=True)
    for file, text in texts.items():
        with whole_file(folder / file) as draft:
            draft.write_text(text, encoding="utf-8", newline="\n")
    return texts
