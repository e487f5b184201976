"""Excel's workbooks: the first sheet that holds a table, with the values that were last computed."""

from __future__ import annotations

import warnings
from itertools import islice
from pathlib import Path
from zipfile import BadZipFile

from convstudy.claims.grid import MOST_COLUMNS, MOST_ROWS, Grid, grid_of
from convstudy.errors import ClaimError, ToolError

try:
    from openpyxl import load_workbook
    from openpyxl.utils import get_column_letter
    from openpyxl.utils.exceptions import InvalidFileException
except ImportError as error:
    raise ToolError(
        "Excel workbooks need openpyxl, which is not installed; `pip install convstudy[excel]` installs it"
    ) from error


def workbook_grid(path: Path) -> Grid:
    """Read the first sheet that is not empty.

    Raises:
        ClaimError: when the file is no workbook, or a cell holds a formula whose value was never computed.
    """
    values = cells_of(path, computed=True)
    written = cells_of(path, computed=False)
    for row, (shown, typed) in enumerate(zip(values, written, strict=False), start=1):
        for column, (value, formula) in enumerate(zip(shown, typed, strict=False), start=1):
            if formula.startswith("=") and not value:
                where = f"{get_column_letter(column)}{row}"
                raise ClaimError(
                    f"{path.name}, cell {where}: the formula {formula[:40]} has no computed value; save it in a "
                    "spreadsheet program, or paste the values"
                )
    return grid_of(values, path.name)


def cells_of(path: Path, *, computed: bool) -> list[list[str]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # openpyxl tells of styles and extensions that it leaves out
        try:
            workbook = load_workbook(path, read_only=True, data_only=computed)
        except (BadZipFile, InvalidFileException, KeyError, OSError, ValueError, EOFError, SyntaxError) as error:
            raise ClaimError(f"{path.name}: no Excel workbook (.xlsx): {' '.join(str(error).split())[:80]}") from None
        try:
            for sheet in workbook.worksheets:
                sheet.reset_dimensions()
                rows = islice(sheet.iter_rows(values_only=True, max_col=MOST_COLUMNS + 1), MOST_ROWS + 2)
                lines = [[cell_text(value) for value in row] for row in rows]
                if any(any(line) for line in lines):
                    return trimmed(lines)
        except (BadZipFile, KeyError, ValueError, EOFError, SyntaxError) as error:
            raise ClaimError(f"{path.name}: a damaged workbook: {' '.join(str(error).split())[:80]}") from None
        finally:
            workbook.close()
    raise ClaimError(f"{path.name}: every sheet is empty; expected a header and a row for each layer")


def cell_text(value: object) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return "" if value is None else str(value)


def trimmed(lines: list[list[str]]) -> list[list[str]]:
    """Without the empty columns on the left of a table that does not begin in column A."""
    first = min(next((number for number, cell in enumerate(line) if cell), MOST_COLUMNS) for line in lines)
    first = 0 if first == 1 and not lines[0][0] and any(line and line[0] for line in lines) else first
    width = max((number + 1 for line in lines for number, cell in enumerate(line) if cell), default=0)
    return [line[first:width] for line in lines]
