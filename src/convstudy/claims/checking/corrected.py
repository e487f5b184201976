"""A checked table as it should be: wrong cells are mended, with the formula beside each."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from io import StringIO
from pathlib import Path

from convstudy.claims.checking.findings import CheckedCell, CheckReport
from convstudy.claims.printed_number import PrintedNumber
from convstudy.claims.printed_shape import Shape, in_layout
from convstudy.claims.table import ClaimedTable
from convstudy.errors import ClaimError

DELIMITERS = {".tsv": "\t", ".csv": ","}
MARKDOWN = frozenset({".md", ".markdown"})
FORMULA = "formula"


@dataclass(frozen=True)
class CorrectedTable:
    """The rows of one table with its wrong cells mended; `unplaced` are wrong cells that no column states."""

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    unplaced: tuple[CheckedCell, ...] = ()


def corrected_tables(table: ClaimedTable, report: CheckReport) -> list[CorrectedTable]:
    r"""Return every table of a file as it should be; unknown cells and columns that are not checked stay as they are.

    A column with mended cells is followed by one of their formulas.

    >>> from convstudy.claims.checking import check
    >>> from convstudy.claims.reading import parse_table
    >>> table = parse_table("layer\tshape\tparameters\nInput\t(32,32,3)\t0\nCONV1 (f=5, s=1)\t(28,28,8)\t208\n")
    >>> for corrected in corrected_tables(table, check(table)):
    ...     print(corrected.header, corrected.rows[1])
    ('layer', 'shape', 'parameters', 'formula') ('CONV1 (f=5, s=1)', '(28,28,8)', '608', '(5·5·3 + 1)·8 = 608')
    """
    return [
        corrected(each, [cell for cell in report.wrong if cell.table == number and cell.correct is not None])
        for number, each in enumerate((table, *table.others))
    ]


def corrected(table: ClaimedTable, wrong: Sequence[CheckedCell]) -> CorrectedTable:
    header, *rows = (list(line) for line in table.cells)
    places = [(cell, places_of(table, cell)) for cell in wrong]
    placed = {place: cell for cell, found in places for place in found}
    for (number, column), cell in placed.items():
        rows[number][column] = mended(cell, rows[number][column])
    for column in sorted({column for _, column in placed}, reverse=True):
        header.insert(column + 1, FORMULA)
        for number, row in enumerate(rows):
            row.insert(column + 1, placed[number, column].formula if (number, column) in placed else "")
    unplaced = tuple(cell for cell, found in places if not found)
    return CorrectedTable(table.title, tuple(header), tuple(map(tuple, rows)), unplaced)


def places_of(table: ClaimedTable, cell: CheckedCell) -> list[tuple[int, int]]:
    """Return the row and the column of a cell, and those in which a wrong output is the input of the next row."""
    found = [(cell.number, table.places[cell.quantity])] if cell.quantity in table.places else []
    below = cell.number + 1
    if cell.quantity != "output_shape" or table.inputs_place is None or below == len(table.rows):
        return found
    repeated = not found or table.rows[below].input_shape == cell.claimed
    return [*found, (below, table.inputs_place)] if repeated else found


def mended(cell: CheckedCell, printed: str) -> str:
    """Return the right value as the wrong one was printed."""
    if isinstance(cell.correct, tuple):
        return mended_shape(printed, cell)
    assert cell.correct is not None
    return mended_number(cell.claimed, cell.correct) if isinstance(cell.claimed, PrintedNumber) else str(cell.correct)


def mended_number(claimed: PrintedNumber, correct: int) -> str:
    """Return a number with the separators, the unit and the decimals of a claimed one.

    >>> from convstudy.claims.printed_number import read_number
    >>> [mended_number(read_number(text), 48_120) for text in ("48,001", "48001", "47K", "47.9K")]
    ['48,120', '48120', '48K', '48.1K']
    """
    if claimed.scale == 1:
        separated = re.search(r"\d,\d{3}\b", claimed.text) or len(re.sub(r"\D", "", claimed.text)) < 4
        return f"{correct:,}" if separated else str(correct)
    worth = Fraction(claimed.last_digit) / claimed.scale
    decimals = max(len(str(worth.denominator)) - 1, 0) if worth < 1 else 0
    suffix = re.search(r"[kKmMgGbBtT]$", claimed.text.strip())
    return f"{float(Fraction(correct, claimed.scale)):,.{decimals}f}{suffix[0] if suffix else ''}"


def mended_shape(printed: str, cell: CheckedCell) -> str:
    """Return the printed shape with the right extents in the places of the wrong ones."""
    assert isinstance(cell.correct, tuple)
    extents = in_layout(cell.correct, cell.layout)
    places = [match.span() for match in re.finditer(r"(?<![\w.])-?\d+", printed.replace("x", " ").replace("X", " "))]
    if len(extents) == 1 and len(places) > 1:  # (120,1)
        others = [span for span in places if printed[slice(*span)] != "1"]
        places = others if len(others) == 1 else []
    elif len(extents) == 3 and len(places) == 2:  # the channels stand in a column of their own
        extents = cell.correct[1:]
    if len(places) < len(extents):
        return bare(extents)
    for (start, end), extent in reversed([*zip(places[-len(extents) :], extents, strict=True)]):
        printed = f"{printed[:start]}{extent}{printed[end:]}"
    return printed


def bare(extents: Shape) -> str:
    return f"({','.join(map(str, extents))})"


def written(tables: Sequence[CorrectedTable], path: Path) -> str:
    """Return tables in the format that the suffix of a file names.

    Raises:
        ClaimError: if the suffix names none.
    """
    suffix = path.suffix.lower()
    if suffix in MARKDOWN:
        return "\n".join(markdown(table) for table in tables)
    if suffix not in DELIMITERS:
        raise ClaimError(f"{path}: no format for a table; expected a file .tsv, .csv or .md")
    text = StringIO()
    writer = csv.writer(text, delimiter=DELIMITERS[suffix], lineterminator="\n")
    for number, table in enumerate(tables):
        if number:
            text.write("\n")
        if table.title and len(tables) > 1:
            text.write(f"{table.title}\n")
        writer.writerows([table.header, *table.rows])
    return text.getvalue()


def markdown(table: CorrectedTable) -> str:
    lines = [table.header, ["---"] * len(table.header), *table.rows]
    rows = [f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines]
    return "\n".join([*([f"## {table.title}", ""] if table.title else []), *rows, ""])
