"""`convstudy data`: the list of data sets. `convstudy data inspect`: a check of the images themselves."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from convstudy.cli.options import DataDir, TableOrJson, TestData
from convstudy.wording import plural


def data(context: typer.Context) -> None:
    """List the named data sets and the kinds of files and folders that can be read.

    `convstudy data inspect` checks the images of any of them.
    """
    if context.invoked_subcommand:
        return
    from rich.console import Console

    from convstudy.data import data_sources
    from convstudy.report.listing import source_list

    Console().print(source_list(data_sources()))


def inspect(
    data: Annotated[
        str,
        typer.Argument(
            metavar="DATA", help="A folder that contains image files, a table, an .npz or .h5 file, or a named set."
        ),
    ],
    data_dir: DataDir = None,
    test_data: TestData = None,
    class_in_name: Annotated[
        bool,
        typer.Option(
            "--class-in-name",
            help="Take the class from the file name, up to the first underscore: 3 for 3_a.jpg.",
        ),
    ] = False,
    fix: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.csv",
            help="Write a table for --data without broken, leaked and duplicate images. No image file is changed.",
            show_default=False,
        ),
    ] = None,
    sheet: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.html",
            help="Write a contact sheet: the findings and some images of each class.",
            show_default=False,
        ),
    ] = None,
    output_format: TableOrJson = "table",
) -> None:
    """Check every image: count classes and sizes, and find broken files, leaks, duplicates and conflicting labels.

    Findings: files that cannot be decoded, test images that are also in the training or validation set, other
    duplicates and near-duplicates, identical images with different classes, images of a single gray level, and classes
    that are missing or rare. The exit status is 1 if the test set is contaminated.
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
        raise DataError(f"--fix needs a folder of image files or a .csv table, but {data} is neither; leave out --fix")
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("checking images")
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
