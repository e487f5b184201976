"""Tables in HTML: `<table>` with rows, cells that span rows and columns, and the caption or heading as title."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html.parser import HTMLParser

from convstudy.claims.grid import Grid, grid_of
from convstudy.errors import ClaimError

WIDEST_SPAN = 100
TITLES = frozenset({"caption", "h1", "h2", "h3", "h4", "h5", "h6"})

Cell = tuple[str, int, int]  # the text, and how many columns and rows it spans


class Tables(HTMLParser):
    """The rows of every table, and the title of each."""

    def __init__(self) -> None:
        super().__init__()
        self.tables: list[tuple[str, list[list[Cell]]]] = []
        self.open: list[list[list[Cell]]] = []
        self.title = ""
        self.texts: list[str] | None = None  # of the cell or title that is being read
        self.spans = (1, 1)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "table":
            self.open.append([])
        elif tag == "tr" and self.open:
            self._end_cell()
            self.open[-1].append([])
        elif tag in {"td", "th"} and self.open:
            self._end_cell()
            self.spans, self.texts = (span_of(dict(attrs), "colspan"), span_of(dict(attrs), "rowspan")), []
        elif tag in TITLES:
            self.texts = []
        elif tag == "br" and self.texts is not None:
            self.texts.append(" ")

    def handle_endtag(self, tag: str) -> None:
        if tag in {"td", "th", "tr"}:
            self._end_cell()
        elif tag in TITLES:
            self.title, self.texts = " ".join("".join(self.texts or []).split()), None
        elif tag == "table" and self.open:
            self._end_cell()
            self.tables.append((self.title, self.open.pop()))

    def handle_data(self, data: str) -> None:
        if self.texts is not None:
            self.texts.append(data)

    def _end_cell(self) -> None:
        if self.texts is None or not self.open:
            return
        if not self.open[-1]:
            self.open[-1].append([])
        self.open[-1][-1].append((" ".join("".join(self.texts).split()), *self.spans))
        self.texts = None


def span_of(attributes: Mapping[str, str | None], name: str) -> int:
    stated = attributes.get(name) or "1"
    return min(max(int(stated), 1), WIDEST_SPAN) if stated.isdecimal() else 1


def html_grids(text: str, source: str) -> list[Grid]:
    """Read every table of an HTML page or fragment.

    Raises:
        ClaimError: if none of them has a header and a row.

    >>> html_grids("<table><tr><th>layer<th>params<tr><td>fc<td>1,010</table>", "x.html")[0].rows
    (('fc', '1,010'),)
    """
    parser = Tables()
    parser.feed(text)
    parser.close()
    grids, errors = [], []
    for title, rows in parser.tables:
        try:
            grids.append(grid_of(expanded(rows), source, title=title))
        except ClaimError as error:
            errors.append(error)
    if not grids:
        raise errors[0] if errors else ClaimError(f"{source}: HTML without a closed <table> that has rows")
    return grids


def expanded(rows: Sequence[Sequence[Cell]]) -> list[list[str]]:
    """Return one text per column: a cell over several columns is followed by empty ones, one over rows is repeated.

    >>> expanded([[("conv", 1, 2), ("3x3", 1, 1)], [("5x5", 1, 1)], [("Total", 2, 1), ("9", 1, 1)]])
    [['conv', '3x3'], ['conv', '5x5'], ['Total', '', '9']]
    """
    hanging: dict[int, tuple[str, int]] = {}  # by column: the cell from above, and its rows that are left
    lines = []
    for row in rows:
        line: list[str] = []
        below: dict[int, tuple[str, int]] = {}
        for cell in [*row, None]:
            while len(line) in hanging:
                text, left = hanging[len(line)]
                below[len(line)] = (text, left - 1)
                line.append(text)
            if cell is not None:
                text, columns, down = cell
                below[len(line)] = (text, down - 1)
                line += [text, *[""] * (columns - 1)]
        hanging = {place: each for place, each in below.items() if each[1]}
        lines.append(line)
    return lines
