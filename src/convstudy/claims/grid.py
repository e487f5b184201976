"""A table as rows of text cells, in whichever text format it is written."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from convstudy.claims.cell_text import plain_text, without_tags
from convstudy.claims.table import Printer
from convstudy.errors import ClaimError

LARGEST_FILE = 20 * 2**20
MOST_ROWS = 5_000
MOST_COLUMNS = 200
LONGEST_CELL = 1000  # letters; more are cut off


@dataclass(frozen=True)
class Grid:
    """The header and the rows below it, each as long as the header.

    `title` names one of several tables of a file; `batched` says whether its shapes begin with a batch, if known.
    """

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    printed_by: Printer | None = None
    notes: tuple[str, ...] = ()
    title: str = ""
    batched: bool | None = None


def grid_of(
    lines: Sequence[Sequence[str]],
    source: str,
    *,
    printed_by: Printer | None = None,
    notes: tuple[str, ...] = (),
    title: str = "",
    batched: bool | None = None,
) -> Grid:
    """Return rows of cells as a layer table: a header, at least one row, at least two columns.

    Raises:
        ClaimError: if the lines are not such a table, or exceed its limits.
    """
    lines = [[cell[: LONGEST_CELL + 1] for cell in line] for line in lines if any(cell.strip() for cell in line)]
    if len(lines) < 2:
        raise ClaimError(f"{source}: {len(lines)} line(s) of a table; expected a header and one row per layer")
    if len(lines) > MOST_ROWS:
        raise ClaimError(f"{source}: more than {MOST_ROWS:,} rows; a layer table has one row per layer of a network")
    header, *rows = (list(line) for line in lines)
    while (
        len(header) > 1
        and not header[-1].strip()
        and not any(len(row) >= len(header) and row[-1].strip() for row in rows)
    ):
        header = header[:-1]
        rows = [row[: len(header)] for row in rows]
    if not 2 <= len(header) <= MOST_COLUMNS:
        raise ClaimError(
            f"{source}: {len(header)} column(s); expected the layers' names and at least one of shapes, sizes or "
            "parameters, separated by tabs, commas, semicolons or bars"
        )
    width = len(header)
    extra = [
        f"row {number}: {len(row)} cells below a header of {width}, the last ones are ignored; quote cells with commas"
        for number, row in enumerate(rows, start=2)
        if any(cell.strip() for cell in row[width:])
    ]
    return Grid(
        tuple(plain_text(cell) for cell in header),
        tuple(tuple(cell.strip() for cell in (row + [""] * width)[:width]) for row in rows),
        printed_by,
        (*notes, *extra[:3]),
        title,
        batched,
    )


def delimited_grid(text: str, source: str) -> Grid:
    """Read TSV, CSV (commas or semicolons), or columns that are two or more spaces apart.

    Raises:
        ClaimError: if the text is not such a table.
    """
    lines = [line for line in text.splitlines() if line.strip()]
    delimiter = delimiter_of(lines)
    if delimiter is None:
        return grid_of(spaced_cells(lines), source)
    try:
        cells = list(csv.reader(lines, delimiter=delimiter, skipinitialspace=delimiter != "\t", strict=True))
    except csv.Error as error:
        raise ClaimError(f"{source}: not a {'TSV' if delimiter == chr(9) else 'CSV'} table: {error}") from None
    return grid_of(with_whole_numbers(cells) if delimiter == "," else cells, source)


def spaced_cells(lines: list[str]) -> list[list[str]]:
    """Return columns two or more spaces apart; if their numbers differ, columns between gutters that every line has."""
    cells = [re.split(r"\s{2,}", line.strip()) for line in lines]
    if len({len(row) for row in cells}) == 1:
        return cells
    width = max((len(line) for line in lines), default=0)
    padded = [line.ljust(width) for line in lines]
    used = [any(line[place] != " " for line in padded) for place in range(width)]
    starts = [place for place in range(width) if used[place] and (not place or not used[place - 1])]
    columns = [*pairwise([*starts, width])]
    aligned = [[line[start:end].strip() for start, end in columns] for line in padded]
    return aligned if len(columns) > 1 and len(columns) >= len(cells[0]) else cells


def with_whole_numbers(rows: list[list[str]]) -> list[list[str]]:
    """Join the thousands of a number that its own commas split: `48`, `120` of an unquoted `48,120`.

    Only rows that then have as many cells as the header are changed, and only if one way of joining does so.
    """
    width = len(rows[0]) if rows else 0
    return [row if len(row) <= width else joined_thousands(row, width) for row in rows]


def joined_thousands(row: list[str], width: int) -> list[str]:
    pairs = [
        number
        for number in range(len(row) - 1)
        if re.fullmatch(r"\d{1,3}", row[number].strip()) and re.fullmatch(r"\d{3}", row[number + 1].strip())
    ]
    if len(pairs) != len(row) - width:
        return row
    joined: list[str] = []
    for number, cell in enumerate(row):
        if number and number - 1 in pairs:
            joined[-1] = f"{joined[-1].strip()},{cell.strip()}"
        else:
            joined.append(cell)
    return joined


def delimiter_of(lines: list[str]) -> str | None:
    """Return the delimiter of the header and of most lines, outside quotes and brackets; a tab takes precedence."""
    sample = [re.sub(r'"[^"]*"|\([^)]*\)|\[[^\]]*\]', "", line[:LONGEST_CELL]) for line in lines[:50]]
    if any("\t" in line for line in sample):
        return "\t"
    found = Counter(delimiter for delimiter in ";,|" for line in sample if delimiter in line and delimiter in sample[0])
    return max(found, key=lambda delimiter: (found[delimiter], ";,|".index(delimiter))) if found else None


def markdown_grids(text: str, source: str) -> list[Grid]:
    """Read every table between bars, each titled by the nearest heading or caption above it.

    Raises:
        ClaimError: if none of them is a table with rows.
    """
    lines = [line.strip() for line in text.splitlines()]
    rules = [number for number, line in enumerate(lines) if is_markdown_rule(line) and number]
    grids, errors = [], []
    for number in rules:
        if number > 1 and "|" in lines[number - 1] and is_markdown_rule(lines[number - 2]):
            continue
        rows = [markdown_cells(lines[number - 1])]
        for line in lines[number + 1 :]:
            if "|" not in line:
                break
            if not is_markdown_rule(line):
                rows.append(markdown_cells(line))
        try:
            grids.append(grid_of(rows, source, title=title_above(lines, number - 1)))
        except ClaimError as error:
            errors.append(error)
    if not grids:
        raise errors[0] if errors else ClaimError(f"{source}: a Markdown rule without a header above it")
    return grids


def markdown_cells(line: str) -> list[str]:
    cells = re.split(r"(?<!\\)\|", line.removeprefix("|").removesuffix("|"))
    return [re.sub(r"\*\*|`", "", without_tags(cell)).replace("\\|", "|").strip() for cell in cells]


def title_above(lines: Sequence[str], number: int) -> str:
    """Return the nearest line of text above a table, without heading marks."""
    for line in reversed(lines[max(number - 4, 0) : number]):
        if line and "|" not in line:
            return line.strip("#*:_ ")[:60]
    return ""


def is_markdown_rule(line: str) -> bool:
    """Return whether a line is the rule below a Markdown header: `|---|:---:|`."""
    return "|" in line and "-" in line and re.fullmatch(r"[\s|:-]+", line) is not None


def ruled_grid(text: str, source: str) -> Grid:
    """Read a table in a box of `+---+` rules and bars, as Sphinx, MySQL and tabulate draw it."""
    lines = [line.strip() for line in text.splitlines() if line.strip().startswith("|")]
    return grid_of([markdown_cells(line) for line in lines if not is_markdown_rule(line)], source)


def is_ruled(text: str) -> bool:
    """Return whether a text has rules like `+----+----+`."""
    return re.search(r"^\s*\+[-=]+\+[-=+]+\s*$", text, re.MULTILINE) is not None


def latex_grid(text: str, source: str) -> Grid:
    r"""Read the first `tabular`: rows end in `\\`, cells in `&`; markup and math are removed.

    Raises:
        ClaimError: if the environment is not closed.
    """
    body = re.search(r"\\begin\{(tabularx?\*?|longtable|array|tblr)\}(.*?)\\end\{\1\}", text, re.DOTALL)
    if body is None:
        raise ClaimError(f"{source}: LaTeX without a closed tabular environment")
    inner = re.sub(r"(?<!\\)%.*", "", body[2])
    inner = re.sub(r"^\s*(\[[^\]]*\])?(\s*\{(?:[^{}]|\{[^{}]*\})*\})+", "", inner, count=1)  # the column specification
    rows = re.split(r"\\\\(?:\[[^\]]*\])?|\\tabularnewline", inner)
    cells = with_spans([re.split(r"(?<!\\)&", row) for row in rows])
    return grid_of([[plain_latex(cell) for cell in row] for row in cells], source)


def with_spans(rows: list[list[str]]) -> list[list[str]]:
    r"""Repeat the cell of a `\multirow` in the empty cells of the rows that it spans.

    >>> with_spans([[r"\multirow{2}{*}{conv}", "1"], ["", "2"], ["", "3"]])[1:]
    [['{conv}', '2'], ['', '3']]
    """
    rows = [[*row] for row in rows]
    for number, row in enumerate(rows):
        for place, cell in enumerate(row):
            span = re.search(r"\\multirow\{(\d+)\}", cell)
            for below in rows[number + 1 : number + int(span[1])] if span else ():
                if place < len(below) and not below[place].strip():
                    below[place] = re.sub(r"\\multirow\{[^}]*\}\{[^}]*\}", "", cell)
    return rows


def plain_latex(cell: str) -> str:
    r"""Return a cell without its markup.

    >>> plain_latex(r"\textbf{CONV1} ($f=5$)"), plain_latex(r"$28 \times 28 \times 8$"), plain_latex(r"6{,}272")
    ('CONV1 (f=5)', '28 x 28 x 8', '6,272')
    """
    cell = re.sub(
        r"\\(?:hline|toprule|midrule|bottomrule|centering)|\\(?:cmidrule|cline)(?:\([^)]*\))?\{[^}]*\}", "", cell
    )
    cell = re.sub(r"\\(?:multicolumn|multirow)\{[^}]*\}\{[^}]*\}", "", cell)
    cell = re.sub(r"\\times|\\cdot", "x", cell)
    cell = cell.replace(r"{,}", ",").replace(r"\,", ",").replace("~", " ")
    cell = re.sub(r"\\([#%&_$])", r"\1", cell)
    cell = re.sub(r"\\[a-zA-Z]+\*?", "", cell)
    return " ".join(re.sub(r"[{}$]", "", cell).split())
