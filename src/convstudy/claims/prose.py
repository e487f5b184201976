"""Tables of tabs, bars or aligned columns within running text, such as lecture notes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from convstudy.claims.columns import CLAIMS, quantity_of
from convstudy.claims.grid import Grid, delimited_grid, title_above
from convstudy.errors import ClaimError

DELIMITERS = (r"\t", r"\|", ";", r"\s{2,}", ",")  # the first that separates the cells of a header
FEWEST_ROWS = 2
LONGEST_HEADER = 300  # characters
FEWEST_WORDS = 4  # of a line that is running text and not the name of a group of layers
BRACKETED = re.compile(r"\([^()]*\)|\[[^\[\]]*\]|\"[^\"]*\"")


def states_columns(text: str) -> bool:
    """Return whether the first line has several cells, one of which is the header of a claim."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    cells = re.split(r"\t|;|,|\||\s{2,}", first.strip())
    if len(cells) < 2 or re.search(r"\d{2}", first):
        return False
    return any(quantity_of(cell.strip(' "')) in CLAIMS for cell in cells)


def grids_in_prose(text: str, source: str) -> list[Grid]:
    r"""Return the tables of a text that consists mostly of sentences; empty if it has none.

    >>> text = "We build \\begin{it} this:\n\n\tshape\tsize\nInput\t(8,8,3)\t192\nPOOL\t(4,4,3)\t48\nIt is small."
    >>> [(len(grid.rows), grid.rows[1][1]) for grid in grids_in_prose(text, "notes.txt")]
    [(2, '(4,4,3)')]
    """
    lines = text.splitlines()
    grids, below = [], 0
    for number, line in enumerate(lines):
        if number < below or len(line) > LONGEST_HEADER or not states_columns(line):
            continue
        table = [line, *rows_below(lines, number)]
        if len(table) <= FEWEST_ROWS:
            continue
        below = number + len(table)
        try:
            found = delimited_grid("\n".join(table), source)
        except ClaimError:
            continue
        grids.append(titled(found, title_above(lines, number)))
    return grids


def titled(grid: Grid, title: str) -> Grid:
    return Grid(grid.header, grid.rows, grid.printed_by, grid.notes, title, grid.batched)


def rows_below(lines: Sequence[str], number: int) -> Iterator[str]:
    """Yield the lines below a header that have cells as it has, one of them with a digit.

    A line without cells right between two of them, such as the name of a block, belongs to the table.
    """
    delimiter = next((each for each in DELIMITERS if cells_of(lines[number], each) > 1), "")
    if not delimiter:
        return
    wanted = cells_of(lines[number], delimiter)
    for place in range(number + 1, len(lines)):
        line, following = lines[place], lines[place + 1] if place + 1 < len(lines) else ""
        between = cells_of(line, delimiter) == 1 and is_row(following, delimiter, wanted)
        if not is_row(line, delimiter, wanted) and not (between and not states_columns(following)):
            return
        yield line


def is_row(line: str, delimiter: str, wanted: int) -> bool:
    """Return whether a line has as many cells as a header, or half of them where they are unmistakable, and a digit."""
    cells = cells_of(line, delimiter)
    alike = cells == wanted if delimiter == "," else 2 * cells >= wanted
    return cells > 1 and alike and re.search(r"\d", line) is not None


def cells_of(line: str, delimiter: str) -> int:
    """Return the number of cells of a line; delimiters inside brackets and quotes separate nothing."""
    return len(re.split(delimiter, BRACKETED.sub("x", line.strip(" ")))) if line.strip() else 0


def has_prose(text: str) -> bool:
    r"""Return whether a text whose first line is a header goes on with a sentence below its rows.

    >>> has_prose("layer\tshape\nInput\t(8,8,3)\n\nNote: pooling learns nothing.")
    True
    >>> has_prose("layer\tshape\nInput\t(8,8,3)\nSecond block\nconv\t(8,8,4)")
    False
    """
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines or not states_columns(lines[0]):
        return False
    delimiter = next((each for each in DELIMITERS if cells_of(lines[0], each) > 1), "")
    return any(cells_of(line, delimiter) < 2 and len(line.split()) >= FEWEST_WORDS for line in lines[1:])
