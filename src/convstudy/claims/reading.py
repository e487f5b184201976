"""Read a claimed layer table from a file or from text, in whichever of the known forms it is."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from convstudy.claims.columns import columns_of, unit_of
from convstudy.claims.grid import (
    LARGEST_FILE,
    LONGEST_CELL,
    MOST_ROWS,
    Grid,
    delimited_grid,
    is_markdown_rule,
    latex_grid,
    markdown_grid,
)
from convstudy.claims.layer_text import LayerText, read_layer_text
from convstudy.claims.printed_number import NOTHING, PrintedNumber, read_number, shortened
from convstudy.claims.printed_shape import channels_first, layout_of, read_extents, without_batch
from convstudy.claims.printouts import printer_of, printout_grid
from convstudy.claims.table import QUANTITIES, ClaimedRow, ClaimedTable
from convstudy.errors import ClaimError

Read = TypeVar("Read")


def read_table(path: str | Path) -> ClaimedTable:
    """Read TSV, CSV, Markdown, LaTeX, Excel, or a printout of Keras, torchinfo or torchsummary.

    Raises:
        ClaimError: in one line, when the file is none of these, or a cell is neither number nor shape.
    """
    path = Path(path)
    try:
        size = path.stat().st_size
        if size > LARGEST_FILE:
            raise ClaimError(
                f"{path.name}: {size / 2**20:.0f} MiB; a layer table is far below {LARGEST_FILE // 2**20} MiB"
            )
        data = path.read_bytes()
    except OSError as error:
        raise ClaimError(f"{path}: cannot be read: {error.strerror}") from None
    if data[:4] == b"PK\x03\x04" or path.suffix.lower() in {".xlsx", ".xlsm"}:
        from convstudy.claims.workbook import workbook_grid  # noqa: PLC0415, openpyxl for workbooks only

        return table_of(workbook_grid(path), path.name)
    return parse_table(decoded(data, path.name), path.name)


def parse_table(text: str, source: str = "the table") -> ClaimedTable:
    r"""Read a table from text; `source` is its name in messages.

    >>> table = parse_table("layer\tshape\tparams\ninput\t(32,32,3)\t0\nCONV1 (f=5)\t(28,28,8)\t208\n")
    >>> table.layout, table.rows[1].shape, int(table.rows[1].numbers["parameters"].value)
    ('channels last', (8, 28, 28), 208)
    """
    if text.count("\n") > 2 * MOST_ROWS:
        raise ClaimError(
            f"{source}: {text.count(chr(10)):,} lines; a layer table has one row for each layer, at most {MOST_ROWS:,}"
        )
    return table_of(grid_in(text, source), source)


def decoded(data: bytes, source: str) -> str:
    """Text from bytes: UTF-8, or UTF-16 where its mark stands in front."""
    if not data.strip():
        raise ClaimError(f"{source}: the file is empty; expected a header and a row for each layer")
    encoding = "utf-16" if data[:2] in {b"\xff\xfe", b"\xfe\xff"} else "utf-8-sig"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        byte = data[error.start] if error.start < len(data) else 0
        name = encoding.upper().removesuffix("-SIG")
        raise ClaimError(
            f"{source}: byte 0x{byte:02x} at {error.start:,} is not {name} text; save the table as UTF-8"
        ) from None
    if "\0" in text:
        raise ClaimError(
            f"{source}: binary data; expected text (TSV, CSV, Markdown, LaTeX) or an Excel workbook (.xlsx)"
        )
    return text


def grid_in(text: str, source: str) -> Grid:
    printer = printer_of(text)
    if printer:
        return printout_grid(text, printer, source)
    if re.search(r"\\begin\{|\\hline|\\\\\s*$", text, re.MULTILINE):
        return latex_grid(text if "\\begin{" in text else rf"\begin{{tabular}}{{l}}{text}\end{{tabular}}", source)
    if any(is_markdown_rule(line) for line in text.splitlines()):
        return markdown_grid(text, source)
    return delimited_grid(text, source)


def table_of(grid: Grid, source: str) -> ClaimedTable:
    """Read the cells of a grid as what its header says they are."""
    columns = columns_of(grid.header, source)
    cells = CellReader(grid, columns, source)
    printed = [cells.read(row, "output_shape", read_extents) for row in range(len(grid.rows))]
    inputs = [cells.read(row, "input_shape", read_extents) for row in range(len(grid.rows))]
    plain = without_batch([*printed, *inputs])
    layout, reason = layout_of(plain)
    shapes = [channels_first(shape, layout) if shape else None for shape in plain]
    rows = tuple(
        ClaimedRow(
            label=cells.text(number, "label") or f"row {number + 1}",
            layer=layer_text(cells, number),
            shape=shapes[number],
            input_shape=shapes[len(grid.rows) + number],
            numbers=cells.numbers(number),
            inputs=tuple(re.findall(r"([\w/.]+)(?:\[\d+\]\[\d+\])?", cells.text(number, "inputs"))),
        )
        for number in range(len(grid.rows))
    )
    notes = [*grid.notes, f"shapes are read with {layout}: {reason}"] if any(shapes) else [*grid.notes]
    unread = [name for number, name in enumerate(grid.header) if name and number not in columns.values()]
    notes += [f"the column {name!r} is not checked" for name in unread]
    headers: dict[str, str] = {
        quantity: grid.header[columns[quantity]] for quantity in QUANTITIES if quantity in columns
    }
    return ClaimedTable(source, rows, headers, layout, grid.printed_by, tuple(notes))


class CellReader:
    """Reads the cells of a grid by row and quantity; an error says where."""

    def __init__(self, grid: Grid, columns: dict[str, int], source: str) -> None:
        self.grid, self.columns, self.source = grid, columns, source

    def text(self, row: int, quantity: str) -> str:
        return self.grid.rows[row][self.columns[quantity]] if quantity in self.columns else ""

    def read(self, row: int, quantity: str, reader: Callable[[str], Read]) -> Read | None:
        if quantity not in self.columns:
            return None
        text = self.text(row, quantity)
        label, header = self.text(row, "label") or str(row + 1), self.grid.header[self.columns[quantity]]
        where = f"{self.source}, row {shortened(label)!r}, column {shortened(header)!r}"
        if text.startswith("="):
            raise ClaimError(f"{where}: a formula, {shortened(text)!r}; expected its value")
        if len(text) > LONGEST_CELL:
            raise ClaimError(f"{where}: a cell of {len(text):,} characters; expected a number or a shape")
        try:
            return reader(text)
        except ClaimError as error:
            raise ClaimError(f"{where}: {error}") from None

    def numbers(self, row: int) -> dict[str, PrintedNumber]:
        found: dict[str, PrintedNumber] = {}
        for quantity in QUANTITIES[1:]:
            if quantity in self.columns:
                unit = unit_of(self.grid.header[self.columns[quantity]])
                number = self.read(row, quantity, lambda text, unit=unit: read_number(text, unit=unit))  # type: ignore[misc]
                if number is not None:
                    found[quantity] = number
        return found


def layer_text(cells: CellReader, row: int) -> LayerText:
    """What the label says, and what columns of their own say of kernel, stride, padding, groups and channels."""
    label = read_layer_text(cells.text(row, "label"))
    said = [f"{cells.text(row, 'kind')}"] if "kind" in cells.columns else []
    for name in ("kernel", "stride", "padding", "groups", "channels"):
        value = cells.text(row, name)
        if value.casefold() not in NOTHING:
            said.append(f"{name}={re.sub(r'[x×*/]', ',', value.strip('()[]')) if name != 'channels' else value}")
    columns = read_layer_text(" ".join(re.sub(r"=(\d+)\s*,\s*(\d+)$", r"=(\1,\2)", part) for part in said))
    layer = (LayerText(kind=columns.kind) if "kind" in cells.columns else label).joined(label).joined(columns)
    for name in ("kernel", "stride", "dilation", "groups"):
        value = getattr(layer, name)
        if value == 0 or (isinstance(value, tuple) and 0 in value):
            where = f"{cells.source}, row {shortened(cells.text(row, 'label'))!r}"
            raise ClaimError(f"{where}: {name} 0; expected at least 1")
    return layer
