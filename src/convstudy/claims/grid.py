"""A table as rows of text cells, whatever it was printed as."""

from __future__ import annotations

import csv
import re
from collections import Counter
from dataclasses import dataclass

from convstudy.claims.table import Printer
from convstudy.errors import ClaimError
from convstudy.wording import plural

LARGEST_FILE = 20 * 2**20
MOST_ROWS = 5_000
MOST_COLUMNS = 200
LONGEST_CELL = 1000


@dataclass(frozen=True)
class Grid:
    """The header and the rows below it, every row as long as the header."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    printed_by: Printer | None = None
    notes: tuple[str, ...] = ()


def grid_of(
    lines: list[list[str]], source: str, *, printed_by: Printer | None = None, notes: tuple[str, ...] = ()
) -> Grid:
    """Hold rows of cells against what a layer table is: a header, at least one row, at least two columns.

    Raises:
        ClaimError: when they are none, or more than anyone's network has.
    """
    lines = [line for line in lines if any(cell.strip() for cell in line)]
    if len(lines) < 2:
        raise ClaimError(f"{source}: {len(lines)} line(s) of a table; expected a header and a row for each layer")
    if len(lines) > MOST_ROWS:
        raise ClaimError(
            f"{source}: more than {MOST_ROWS:,} rows; a layer table has one row for each layer of a network"
        )
    header, *rows = lines
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
    for number, row in enumerate(rows, start=2):
        if any(cell.strip() for cell in row[len(header) :]):
            raise ClaimError(
                f"{source}, row {number}: {plural(len(row), 'cell')} below a header of {len(header)}; "
                "quote what holds commas"
            )
    width = len(header)
    return Grid(
        tuple(cell.strip() for cell in header),
        tuple(tuple(cell.strip() for cell in (row + [""] * width)[:width]) for row in rows),
        printed_by,
        notes,
    )


def delimited_grid(text: str, source: str) -> Grid:
    """Read TSV, CSV (commas or semicolons), or columns that stand two or more spaces apart."""
    lines = [line for line in text.splitlines() if line.strip()]
    delimiter = delimiter_of(lines)
    if delimiter is None:
        return grid_of([re.split(r"\s{2,}", line) for line in lines], source)
    try:
        return grid_of(
            list(csv.reader(lines, delimiter=delimiter, skipinitialspace=delimiter != "\t", strict=True)), source
        )
    except csv.Error as error:
        raise ClaimError(f"{source}: no {'TSV' if delimiter == chr(9) else 'CSV'} table: {error}") from None


def delimiter_of(lines: list[str]) -> str | None:
    """The delimiter that the header and most lines have outside of quotes and brackets; a tab decides at once."""
    sample = [re.sub(r'"[^"]*"|\([^)]*\)|\[[^\]]*\]', "", line) for line in lines[:50]]
    if any("\t" in line for line in sample):
        return "\t"
    found = Counter(delimiter for delimiter in ";,|" for line in sample if delimiter in line and delimiter in sample[0])
    return max(found, key=lambda delimiter: (found[delimiter], ";,|".index(delimiter))) if found else None


def markdown_grid(text: str, source: str) -> Grid:
    """Read the first table between bars; `**bold**`, `` `code` `` and `\\|` are plain text."""
    lines = [line.strip() for line in text.splitlines()]
    first = next(number for number, line in enumerate(lines) if is_markdown_rule(line)) - 1
    rows = []
    for line in lines[max(first, 0) :]:
        if "|" not in line:
            break
        if not is_markdown_rule(line):
            cells = re.split(r"(?<!\\)\|", line.removeprefix("|").removesuffix("|"))
            rows.append([re.sub(r"\*\*|`|<[^>]{1,20}>", "", cell).replace("\\", "").strip() for cell in cells])
    return grid_of(rows, source)


def is_markdown_rule(line: str) -> bool:
    """Whether a line is the rule below a Markdown header: `|---|:---:|`."""
    return "|" in line and "-" in line and re.fullmatch(r"[\s|:-]+", line) is not None


def latex_grid(text: str, source: str) -> Grid:
    r"""Read the first `tabular`: rows end in `\\`, cells in `&`; markup and math are taken off."""
    body = re.search(r"\\begin\{(tabularx?\*?|longtable|array|tblr)\}(.*?)\\end\{\1\}", text, re.DOTALL)
    if body is None:
        raise ClaimError(f"{source}: LaTeX without a closed tabular environment")
    inner = re.sub(r"(?<!\\)%.*", "", body[2])
    inner = re.sub(r"^\s*(\[[^\]]*\])?(\s*\{(?:[^{}]|\{[^{}]*\})*\})+", "", inner, count=1)  # the column specification
    rows = re.split(r"\\\\(?:\[[^\]]*\])?|\\tabularnewline", inner)
    return grid_of([[plain_latex(cell) for cell in re.split(r"(?<!\\)&", row)] for row in rows], source)


def plain_latex(cell: str) -> str:
    r"""A cell without its markup.

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
