"""Excel workbooks: the first sheet with a table, with the values last computed."""

from __future__ import annotations

import warnings
import zlib
from itertools import islice
from pathlib import Path
from zipfile import BadZipFile, ZipFile

from convstudy.claims.grid import LARGEST_FILE, MOST_COLUMNS, MOST_ROWS, Grid, grid_of
from convstudy.errors import ClaimError, ToolError

try:
    from openpyxl import load_workbook
except ImportError as error:
    raise ToolError(
        "Excel workbooks need openpyxl, which is not installed; `pip install convstudy[excel]` installs it"
    ) from error


MOST_CELLS = 16_384  # of a row, with Excel; the columns that a table has are limited later


def workbook_grid(path: Path) -> Grid:
    """Read the first sheet that is not empty; a formula without a computed value is read as text.

    Raises:
        ClaimError: if the file is not a workbook, or every sheet is empty.
    """
    refuse_large(path)
    values = cells_of(path, computed=True)
    formulas = cells_of(path, computed=False)
    rows = [
        [value or formula for value, formula in zip(shown, typed, strict=True)]
        for shown, typed in zip(padded(values, formulas), padded(formulas, values), strict=True)
    ]
    return grid_of(rows, path.name)


def refuse_large(path: Path) -> None:
    """Check the size of a workbook before it is unpacked, and of its rows before they are read.

    Raises:
        ClaimError: if it is larger than any layer table, or not a workbook.
    """
    try:
        with ZipFile(path) as packed:
            problem = _too_large(packed)
    except (BadZipFile, KeyError, OSError, RuntimeError, ValueError, EOFError, zlib.error) as error:
        raise ClaimError(f"{path.name}: not an Excel workbook (.xlsx): {' '.join(str(error).split())[:80]}") from None
    if problem:
        raise ClaimError(f"{path.name}: {problem}")


def _too_large(packed: ZipFile) -> str:
    """Return what of a workbook is larger than in any layer table; empty if nothing is."""
    parts = [part for part in packed.infolist() if part.filename.endswith((".xml", ".rels"))]
    size = sum(part.file_size for part in parts)
    if size > LARGEST_FILE:
        return f"{size / 2**20:.0f} MiB when unpacked; expected at most {LARGEST_FILE // 2**20} MiB"
    sheets = [part for part in parts if part.filename.startswith("xl/worksheets/")]
    widest = max((row.count(b"<c") for part in sheets for row in packed.read(part).split(b"<row")), default=0)
    if widest > MOST_CELLS:
        return f"a row of {widest:,} cells; expected a layer table of at most {MOST_COLUMNS} columns"
    return ""


def padded(rows: list[list[str]], others: list[list[str]]) -> list[list[str]]:
    """Return rows with as many rows and cells as the larger of two versions of a sheet."""
    width = max((len(row) for row in (*rows, *others)), default=0)
    height = max(len(rows), len(others))
    return [[*row, *[""] * (width - len(row))] for row in (*rows, *[[]] * (height - len(rows)))]


def cells_of(path: Path, *, computed: bool) -> list[list[str]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # openpyxl warns about styles and extensions that it ignores
        try:
            workbook = load_workbook(path, read_only=True, data_only=computed)
        except Exception as error:  # a damaged workbook raises any of a dozen errors
            raise ClaimError(
                f"{path.name}: not an Excel workbook (.xlsx): {' '.join(str(error).split())[:80]}"
            ) from None
        try:
            for sheet in workbook.worksheets:
                sheet.reset_dimensions()
                rows = islice(sheet.iter_rows(values_only=True, max_col=MOST_COLUMNS + 1), MOST_ROWS + 2)
                lines = [[cell_text(value) for value in row] for row in rows]
                if any(any(line) for line in lines):
                    return trimmed(lines)
        except Exception as error:
            raise ClaimError(f"{path.name}: a damaged workbook: {' '.join(str(error).split())[:80]}") from None
        finally:
            workbook.close()
    raise ClaimError(f"{path.name}: every sheet is empty; expected a header and one row per layer")


def cell_text(value: object) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return "" if value is None else str(value)


def trimmed(lines: list[list[str]]) -> list[list[str]]:
    """Return a table without the empty columns on its left."""
    first = min(next((number for number, cell in enumerate(line) if cell), MOST_COLUMNS) for line in lines)
    first = 0 if first == 1 and not lines[0][0] and any(line and line[0] for line in lines) else first
    width = max((number + 1 for line in lines for number, cell in enumerate(line) if cell), default=0)
    return [line[first:width] for line in lines]
