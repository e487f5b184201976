"""Reading of claimed layer tables from a file or from text, in any of the known formats."""

from __future__ import annotations

import re
import stat
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import TypeVar

from convstudy.claims.axis_columns import with_joined_axes
from convstudy.claims.cell_text import plain_text
from convstudy.claims.columns import columns_of, unit_of
from convstudy.claims.grid import (
    LARGEST_FILE,
    LONGEST_CELL,
    MOST_ROWS,
    Grid,
    delimited_grid,
    grid_of,
    is_markdown_rule,
    is_ruled,
    latex_grid,
    markdown_grids,
    ruled_grid,
)
from convstudy.claims.html_tables import html_grids
from convstudy.claims.layer_kind import LayerKind, first_kind, kind_of_class
from convstudy.claims.layer_text import LayerText, read_layer_text
from convstudy.claims.listing import listed_grid
from convstudy.claims.printed_number import NOTHING, PrintedNumber, read_number
from convstudy.claims.printed_shape import Layout, Shape, channels_first, layout_of, read_extents, without_batch
from convstudy.claims.printouts import printout_grids
from convstudy.claims.prose import grids_in_prose, has_prose, states_columns
from convstudy.claims.table import NUMBERS, QUANTITIES, ClaimedRow, ClaimedTable
from convstudy.errors import ClaimError
from convstudy.wording import shortened

Read = TypeVar("Read")
CHANNELS_LAST_TOOLS = frozenset({"keras", "flax"})
MOST_TABLES = 50
LINES_ABOVE = 20  # at most, of a title and an introduction above the header of a table of columns


def read_table(path: str | Path) -> ClaimedTable:
    """Read TSV, CSV, Markdown, LaTeX, Excel, or the printout of a tool; further tables of the file are its `others`.

    A cell that cannot be read is kept as unreadable.

    Raises:
        ClaimError: if the file contains no layer table.
    """
    path = Path(path)
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise ClaimError(f"{path} is not a regular file; expected a layer table")
        size = status.st_size
        if size > LARGEST_FILE:
            raise ClaimError(
                f"{path.name}: {size / 2**20:.0f} MiB; expected a layer table of at most {LARGEST_FILE // 2**20} MiB"
            )
        data = path.read_bytes()
    except OSError as error:
        raise ClaimError(f"{path}: cannot be read: {error.strerror}") from None
    if data[:4] == b"PK\x03\x04" or path.suffix.lower() in {".xlsx", ".xlsm"}:
        from convstudy.claims.workbook import workbook_grid  # noqa: PLC0415, openpyxl is needed for workbooks only

        return table_of(workbook_grid(path), path.name)
    return parse_table(decoded(data, path.name), path.name)


def parse_table(text: str, source: str = "the table") -> ClaimedTable:
    r"""Read the tables in a text; `source` is its name in messages.

    Raises:
        ClaimError: if the text contains no layer table.

    >>> table = parse_table("layer\tshape\tparams\ninput\t(32,32,3)\t0\nCONV1 (f=5)\t(28,28,8)\t208\n")
    >>> table.layout, table.rows[1].shape, int(table.rows[1].numbers["parameters"].value)
    ('channels last', (8, 28, 28), 208)
    """
    if text.count("\n") > 2 * MOST_ROWS:
        raise ClaimError(
            f"{source}: {text.count(chr(10)):,} lines; expected one row per layer, at most {MOST_ROWS:,} rows"
        )
    tables: list[ClaimedTable] = []
    skipped: list[ClaimError] = []
    for grid in grids_in(text, source)[:MOST_TABLES]:
        try:
            tables.append(table_of(grid, source))
        except ClaimError as error:
            skipped.append(error)
    tables = tables or [table_of(grid, source) for grid in grids_in_prose(text, source)[:MOST_TABLES]]
    if not tables:
        raise skipped[0]
    first, *others = tables
    notes = tuple(f"a table without claims is skipped: {str(error).removeprefix(f'{source}: ')}" for error in skipped)
    return replace(first, others=tuple(others), notes=(*first.notes, *notes))


def table_of_cells(lines: Sequence[Sequence[str]], source: str) -> ClaimedTable:
    """Read a header and rows of cells.

    Raises:
        ClaimError: as `parse_table`.
    """
    return table_of(grid_of(lines, source), source)


def decoded(data: bytes, source: str) -> str:
    """Return text from bytes: UTF-8, or UTF-16 with a byte order mark."""
    if not data.strip():
        raise ClaimError(f"{source}: the file is empty; expected a header and one row per layer")
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


def grids_in(text: str, source: str) -> list[Grid]:
    """Return every table in a text; if it is no table as a whole, those within its sentences."""
    try:
        return grids_of_format(text, source)
    except ClaimError:
        if within := grids_in_prose(text, source):
            return within
        raise


def grids_of_format(text: str, source: str) -> list[Grid]:
    """Return the tables of a text in the first format that it has signs of."""
    printed = printout_grids(text, source)
    if printed:
        return printed
    if re.search(r"<table\b", text, re.IGNORECASE):
        return html_grids(text, source)
    if re.search(r"\\begin\{|\\hline|\\\\\s*$", text, re.MULTILINE):
        return [latex_grid(text if "\\begin{" in text else rf"\begin{{tabular}}{{l}}{text}\end{{tabular}}", source)]
    if any(is_markdown_rule(line) for line in text.splitlines()[1:]):
        return markdown_grids(text, source)
    if is_ruled(text):
        return [ruled_grid(text, source)]
    if len(re.findall(r"^\s*\(\w+\): \w+\(", text, re.MULTILINE)) > 1:
        raise ClaimError(
            f"{source}: modules with their settings, as `print(network)` lists them, and no shapes to check; expected "
            "a table with shapes or counts, such as torchinfo's"
        )
    text = below_title(text)
    within = grids_in_prose(text, source) if has_prose(text) else []
    listed = None if states_columns(text) else listed_grid(text, source)
    return within or [listed or delimited_grid(text, source)]


def below_title(text: str) -> str:
    """Return a text from the first line that is a header, without rules between rows and lines above the header."""
    lines = [line for line in text.splitlines() if not re.fullmatch(r"[\s=_\-─━+]*", line)]
    starts = [number for number, line in enumerate(lines[:LINES_ABOVE]) if states_columns(line)]
    return "\n".join(lines[starts[0] if starts else 0 :])


def table_of(grid: Grid, source: str) -> ClaimedTable:
    """Read the cells of a grid as the quantities of its columns.

    Raises:
        ClaimError: if no column claims anything.
    """
    grid = with_joined_axes(grid)
    columns = columns_of(grid.header, source, grid.rows)
    cells = CellReader(grid, columns)
    count = len(grid.rows)
    printed = [cells.read(row, "output_shape", read_extents) for row in range(count)]
    inputs = [cells.read(row, "input_shape", read_extents) for row in range(count)]
    if "output_shape" not in columns and grid.printed_by in {None, "torchsummary"}:
        printed = of_next_row(inputs)
    texts = [layer_text(cells, row) for row in range(count)]
    for row, text in enumerate(texts):
        if printed[row] is None and text.kind == LayerKind.INPUT and "output_shape" not in cells.unreadable[row]:
            printed[row] = shape_in_label(cells.label(row))
    plain = without_batch([*printed, *inputs], batched=grid.batched)
    layout, reason = layout_of_grid(grid, plain)
    vectors = grid.printed_by is None
    shapes = [channels_first(shape, layout, vectors=vectors) if shape else None for shape in plain]
    if vectors and "channels" in columns:
        shapes = [
            with_channels(shape, text.channels, plain) for shape, text in zip(shapes, [*texts, *texts], strict=True)
        ]
    rows = tuple(
        ClaimedRow(
            label=cells.label(number) or f"row {number + 1}",
            layer=texts[number],
            shape=shapes[number],
            input_shape=shapes[count + number],
            numbers=cells.numbers(number),
            inputs=tuple(re.findall(r"([\w/.]+)(?:\[\d+\]\[\d+\])?", cells.text(number, "inputs"))),
            unreadable=cells.unreadable[number],
        )
        for number in range(count)
    )
    notes = [*grid.notes, *([f"shapes are read with {layout}: {reason}"] if any(shapes) else [])]
    unread = [name for number, name in enumerate(grid.header) if name and number not in columns.values()]
    notes += [f"the column {name!r} is not checked" for name in unread if grid.printed_by is None]
    headers: dict[str, str] = {
        quantity: grid.header[columns[quantity]] for quantity in QUANTITIES if quantity in columns
    }
    if any(row.shape for row in rows):
        following = f"{grid.header[columns['input_shape']]} of the next row" if "input_shape" in columns else "shape"
        headers.setdefault("output_shape", following)
    first = next((shape[0] for shape in printed if shape and len(shape) > 1), None)
    return ClaimedTable(
        source,
        rows,
        headers,
        layout,
        grid.printed_by,
        tuple(notes),
        first if grid.batched else None,
        grid.title,
        {name: grid.header[columns[name]] for name in SETTINGS if name in columns and grid.printed_by is None},
        (grid.header, *grid.rows),
        {quantity: columns[quantity] for quantity in QUANTITIES if quantity in columns},
        columns.get("input_shape"),
    )


def of_next_row(inputs: Sequence[tuple[int | None, ...] | None]) -> list[tuple[int | None, ...] | None]:
    """Return as output of each row the input of the next one, unless the two are a map and a vector: then it is open.

    >>> of_next_row([(32, 32, 3), (28, 28, 8), (6272,)])
    [(28, 28, 8), None, None]
    """
    alike = [one and other and len(one) == len(other) for one, other in pairwise(inputs)]
    return [*(other if same else None for other, same in zip(inputs[1:], alike, strict=True)), None]


def with_channels(shape: Shape | None, channels: int | None, printed: Sequence[tuple[int, ...] | None]) -> Shape | None:
    """Return the shape of a map whose sides and channels stand in columns of their own: `28x28` beside `6`."""
    if any(other and len(other) > 2 for other in printed) or not shape or channels is None:
        return shape
    if len(shape) == 2:
        return (channels, *shape)
    return (channels, 1, 1) if shape == (1,) else shape


def layout_of_grid(grid: Grid, shapes: Sequence[tuple[int, ...] | None]) -> tuple[Layout, str]:
    """Return the layout of the shapes: a tool's own, unless square maps contradict it."""
    layout, reason = layout_of(shapes)
    if grid.printed_by is None or grid.printed_by in {"cs231n", "caffe"}:
        return layout, reason
    own: Layout = "channels last" if grid.printed_by in CHANNELS_LAST_TOOLS else "channels first"
    contradicted = layout != own and "equal ones" in reason and grid.printed_by == "keras"
    return (layout, reason) if contradicted else (own, f"the order of {grid.printed_by}")


def shape_in_label(label: str) -> tuple[int | None, ...] | None:
    """Return the shape in the label of an input: `Input 32x32x3`."""
    match = re.search(r"\d+\s*[x×,*]\s*\d+(?:\s*[x×,*]\s*\d+)?", plain_text(label))
    return read_extents(match[0]) if match else None


class CellReader:
    """The cells of a grid by row and quantity, and the reason why a cell cannot be read."""

    def __init__(self, grid: Grid, columns: dict[str, int]) -> None:
        self.grid, self.columns = grid, columns
        self.unreadable: list[dict[str, tuple[str, str]]] = [{} for _ in grid.rows]

    def text(self, row: int, quantity: str) -> str:
        return self.grid.rows[row][self.columns[quantity]] if quantity in self.columns else ""

    def label(self, row: int) -> str:
        """Return the label of a row, or the cell that calls the row a total."""
        label = plain_text(self.text(row, "label")) if self.grid.printed_by is None else self.text(row, "label")
        if first_kind(label.lower()) == LayerKind.TOTAL:
            return label
        total = self.total_cell(row)
        return total if total is not None and (not label or label.isdigit()) else label

    def total_cell(self, row: int) -> str | None:
        """Return the cell that calls the row a total, in whichever column it is."""
        cells = (plain_text(cell) for cell in self.grid.rows[row])
        return next((cell for cell in cells if first_kind(cell.lower()) == LayerKind.TOTAL), None)

    def read(self, row: int, quantity: str, reader: Callable[[str], Read]) -> Read | None:
        if quantity not in self.columns:
            return None
        text = self.text(row, quantity)
        total = self.total_cell(row)
        if total is not None and plain_text(text) == total:
            return None
        if len(text) > LONGEST_CELL:
            self.unreadable[row][quantity] = (shortened(text), f"a cell of more than {LONGEST_CELL:,} characters")
            return None
        try:
            return reader(text)
        except ClaimError as error:
            self.unreadable[row][quantity] = (shortened(text), str(error))
            return None

    def number(self, quantity: str, text: str) -> PrintedNumber | None:
        """Return the number of a cell; a comma is a decimal comma if it must be one in another cell of the column."""
        unit = unit_of(self.grid.header[self.columns[quantity]])
        if unit > 1 and re.fullmatch(r"\d{1,3},\d{3}", text) and self.has_decimal_commas(quantity):
            text = text.replace(",", ".")
        return read_number(text, unit=unit)

    def has_decimal_commas(self, quantity: str) -> bool:
        """Return whether a column has a number whose comma cannot separate thousands."""
        cells = [plain_text(row[self.columns[quantity]]) for row in self.grid.rows]
        return any(re.fullmatch(r"0,\d+|\d+,(?:\d{1,2}|\d{4,})", cell) for cell in cells)

    def numbers(self, row: int) -> dict[str, PrintedNumber]:
        found: dict[str, PrintedNumber] = {}
        for quantity in NUMBERS:
            if quantity in self.columns:
                number = self.read(row, quantity, partial(self.number, quantity))
                if number is not None:
                    found[quantity] = number
        total = self.total_cell(row)
        if not found and total is not None and "parameters" in self.columns:
            match = re.search(r"[:=]\s*([\d.,]+\s*[kKmM]?)\b", total)
            number = read_number(match[1]) if match else None
            if number is not None:
                found["parameters"] = number
        return found


WEIGHT_SHAPE = r"(\d+)\s*[x×*]\s*(\d+)\s*[x×*]\s*\d+\s*[x×*]\s*(\d+)"  # height, width, channels, filters
GLOBAL = r"global|gesamt|全局"
SETTINGS = ("kernel", "stride", "padding", "dilation", "groups", "channels")


def layer_text(cells: CellReader, row: int) -> LayerText:
    """Return the settings in a row's label and in columns of their own."""
    label = read_layer_text(cells.label(row))
    if cells.total_cell(row) is not None:
        return LayerText(kind=LayerKind.TOTAL)
    stated = []
    for name in SETTINGS:
        value = re.sub(r"^[a-zA-Z ]+(?=\d)", "", plain_text(cells.text(row, name)).strip("()[]"))  # Pool 7x7
        if name == "kernel" and (whole := re.fullmatch(WEIGHT_SHAPE, value)):
            value = f"{whole[1]}x{whole[2]}"
            stated.append(f"channels={whole[3]}")
        if value.casefold() not in NOTHING:
            stated.append(f"{name}={value if name == 'channels' else re.sub(r'[x×*/ ]+', ',', value)}")
    columns = read_layer_text(" ".join(re.sub(r"=(\d+)\s*,\s*(\d+)$", r"=(\1,\2)", part) for part in stated))
    layer = with_kind(label, cells, row).completed(replace(columns, kind=LayerKind.OTHER))
    if layer.kind == LayerKind.POOLING and re.search(GLOBAL, cells.text(row, "kernel").lower()):
        layer = replace(layer, kind=LayerKind.GLOBAL_POOLING)
    for name in ("kernel", "stride", "dilation", "groups"):
        value = getattr(layer, name)
        if value == 0 or (isinstance(value, tuple) and 0 in value):
            layer = replace(layer, **{name: None})  # type: ignore[arg-type]
            cells.unreadable[row].setdefault(name, ("0", f"{name} 0; expected at least 1"))
    return layer


def with_kind(label: LayerText, cells: CellReader, row: int) -> LayerText:
    """Return the label's settings with the kind that a column of its own states; a tool prints its class there."""
    if "kind" not in cells.columns:
        return label
    text = plain_text(cells.text(row, "kind"))
    if cells.grid.printed_by is not None:
        return replace(label, kind=kind_of_class(text, cells.label(row)), joined=())
    typed = read_layer_text(text)
    if typed.kind == LayerKind.OTHER and not text.strip("-–— "):
        return label
    return replace(typed.completed(replace(label, kind=typed.kind)), kind=typed.kind)
