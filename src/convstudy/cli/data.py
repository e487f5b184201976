"""`convstudy data` lists the data sets; `convstudy data inspect` says what data hold, and what is wrong with them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from convstudy.cli.options import DataDir, TableOrJson, TestData
from convstudy.wording import plural


def data(context: typer.Context) -> None:
    """List the data sets, and the files and folders that are read; `convstudy data inspect` looks at them."""
    if context.invoked_subcommand:
        return
    from rich.console import Console

    from convstudy.data import sources
    from convstudy.report.listing import source_list

    Console().print(source_list(sources()))


def inspect(
    data: Annotated[
        str,
        typer.Argument(
            metavar="DATA", help="A folder with image files below it, a table, an .npz or .h5 file, or a named set."
        ),
    ],
    data_dir: DataDir = None,
    test_data: TestData = None,
    class_in_name: Annotated[
        bool,
        typer.Option(
            "--class-in-name", help="The class is what a file's name has before its first underscore: 3_a.jpg."
        ),
    ] = False,
    fix: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.csv",
            help="Write a split without what is wrong, for --data. The images stay as they are.",
            show_default=False,
        ),
    ] = None,
    sheet: Annotated[
        Path | None,
        typer.Option(metavar="FILE.html", help="Write a contact sheet, to look at.", show_default=False),
    ] = None,
    output_format: TableOrJson = "table",
) -> None:
    """Look at every image: what is there, and what is wrong with it.

    Finds files that do not decode, images that are in the test part and in another one, too, other duplicates and
    near-duplicates, equal images with different classes, images of one grey level, classes that are missing or rare.
    Exit status 1: the test part is contaminated.
    """
    import json

    from rich.console import Console
    from rich.progress import Progress

    from convstudy.data import inspected, write_clean_split
    from convstudy.errors import DataError
    from convstudy.report.contact_sheet import write_contact_sheet
    from convstudy.report.terminal import inspection_report

    fixable = Path(data).is_dir() or Path(data).suffix.lower() == ".csv"
    if fix and not fixable:
        raise DataError(f"--fix writes a table of image files, and {data} is neither a folder nor a .csv; leave it out")
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("looking at the images")
        found = inspected(
            data,
            data_dir=data_dir,
            test_data=test_data,
            class_in_name=class_in_name,
            progress=lambda done, total: progress.update(task, completed=done, total=total),
        )
    if output_format == "json":
        typer.echo(json.dumps(found.to_json(), indent=2, ensure_ascii=False))
    else:
        Console().print(inspection_report(found, fixable=fixable and not fix))
    if sheet:
        write_contact_sheet(found, sheet)
        typer.echo(f"contact sheet: {sheet}", err=True)
    if fix:
        kept, left_out = write_clean_split(found, fix)
        typer.echo(f"{fix}: {plural(kept, 'image')} kept, {left_out:,} left out", err=True)
    raise typer.Exit(1 if found.contaminated else 0)
