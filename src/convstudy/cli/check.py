"""`convstudy check`: a layer table, checked cell by cell."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from convstudy.cli.options import Classes, InputShapes, Table, TableOrJson, at_inputs
from convstudy.cli.torch_import import import_torch

if TYPE_CHECKING:
    from convstudy.claims import ClaimedTable
    from convstudy.claims.checking import CheckReport


def check(
    table: Table,
    model: Annotated[
        str | None, typer.Option(help="Check the table against this network instead of for consistency with itself.")
    ] = None,
    inputs: InputShapes = None,
    classes: Classes = None,
    corrected: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write the table as it should be, with the formula beside each mended cell: .tsv, .csv or .md.",
            show_default=False,
        ),
    ] = None,
    output_format: TableOrJson = "table",
) -> None:
    """Check every cell of a layer table, such as one from a homework, and name the mistake behind each wrong number.

    Exit status: 0 if every number is right, 1 if a number is wrong, 2 if the table cannot be read.
    """
    import json

    from rich.console import Console

    from convstudy.claims import read_table
    from convstudy.claims.checking import check as check_table
    from convstudy.report.terminal import check_report
    from convstudy.study import prints_on_standard_error

    claimed = read_table(table)
    rows = None
    if model is not None:
        import_torch()
        with prints_on_standard_error():
            rows = at_inputs(model, inputs or _own_input(claimed, model), classes).count().rows
        _note_other_input(claimed, rows[0].output_shape)
    report = check_table(claimed, rows)
    if output_format == "json":
        typer.echo(json.dumps(report.to_json(), indent=2, ensure_ascii=False))
    else:
        Console().print(check_report(report))
    if corrected is not None:
        typer.echo(_write_corrected(claimed, report, table, corrected), err=output_format == "json")
    raise typer.Exit(0 if report.holds else 1)


def _own_input(claimed: ClaimedTable, model: str) -> list[str] | None:
    """Return the input that a table states, for a network of the user's own, which has none of a paper."""
    from convstudy.study.models.opening import runs_code

    shape = _stated_input(claimed)
    if not shape or not runs_code(model):
        return None
    own = "x".join(map(str, shape))
    typer.echo(f"note: {model} is counted at the table's input, {own}", err=True)
    return [own]


def _stated_input(claimed: ClaimedTable) -> tuple[int, ...] | None:
    return next((row.shape for row in claimed.rows if row.layer.kind == "input"), None)


def _note_other_input(claimed: ClaimedTable, counted: tuple[int, ...]) -> None:
    """Say on standard error how to check at the table's own input, if the model is counted at another one."""
    stated = _stated_input(claimed)
    if stated and len(stated) == len(counted) > 1 and stated != counted:
        own, used = ("x".join(map(str, shape)) for shape in (stated, counted))
        typer.echo(
            f"note: the table's input is {own}, and the model is counted at {used}; "
            f"to check at the table's input: --input {own}",
            err=True,
        )


def _write_corrected(claimed: ClaimedTable, report: CheckReport, table: Path, path: Path) -> str:
    """Write the table as it should be, and return how many cells were mended."""
    from convstudy.api.homework import Correction
    from convstudy.errors import ClaimError
    from convstudy.report.numbers import plural

    if path.exists() and path.samefile(table):
        raise ClaimError(f"--corrected {path} is the checked table itself; choose another file")
    correction = Correction.of(claimed, report)
    correction.save(path)
    left = correction.left
    rest = f"; {plural(left, 'wrong cell')} could not be: the table has no column for them" if left else ""
    return f"{path}: {plural(correction.mended, 'cell')} mended{rest}"
