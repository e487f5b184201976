"""What Keras' `model.summary()`, torchinfo and torchsummary print, as grids."""

from __future__ import annotations

import re

from convstudy.claims.grid import Grid, grid_of
from convstudy.claims.table import Printer

FOOTERS = re.compile(
    r"^\s*(total|trainable|non-trainable|input size|forward/backward|params size|estimated|optimizer)\b", re.I
)
RULE = re.compile(r"^[\s=_\-─━═┏┓┗┛┡┩├┤┼┴┬╇┳┻└┘╞╡╪]+$")
TREE = re.compile(r"^[\s│├└|+─-]*[─-]\s*")


def printer_of(text: str) -> Printer | None:
    """The tool that printed the text, told by its header line.

    >>> printer_of("Layer (type:depth-idx)    Output Shape    Param #")
    'torchinfo'
    """
    if re.search(r"Layer \(type(?: \(var_name\))?(?::depth-idx)?\).*|Layer \(type:", text) and "depth-idx" in text:
        return "torchinfo"
    if not re.search(r"Layer \(type\)\s*[┃│]?\s*Output Shape", text):
        return None
    return "torchsummary" if re.search(r"\[-1, ", text) else "keras"


def printout_grid(text: str, printer: Printer, source: str) -> Grid:
    """The rows of the layers and the printed total; the footer's sizes are left out."""
    lines = text.splitlines()
    start = next(number for number, line in enumerate(lines) if "Layer (type" in line)
    cells = {"keras": keras_cells, "torchinfo": torchinfo_cells, "torchsummary": spaced_cells}[printer](lines[start:])
    total = re.search(r"^\s*Total params:\s*([\d,]+)", text, re.MULTILINE)
    header = cells[0]
    counted = next((number for number, name in enumerate(header) if name.startswith("Param")), None)
    if total and counted is not None:
        cells.append(["Total"] + ["" if number != counted else total[1] for number in range(1, len(header))])
    return grid_of(cells, source, printed_by=printer, notes=(f"printed by {printer}",))


def spaced_cells(lines: list[str]) -> list[list[str]]:
    """Columns two or more spaces apart, until the footer."""
    cells = []
    for line in lines:
        if FOOTERS.match(line):
            break
        if line.strip() and not RULE.match(line):
            cells.append(re.split(r"\s{2,}", line.strip()))
    return cells


def keras_cells(lines: list[str]) -> list[list[str]]:
    """Keras 3 draws boxes, Keras 2 columns of fixed width; a long name goes on in the next line."""
    boxed = "┃" in lines[0] or "│" in lines[0]
    starts = [match.start() for match in re.finditer(r"\S+(?: \S+)*", lines[0])]
    rows: list[list[str]] = []
    for line in lines:
        if FOOTERS.match(line):
            break
        if not line.strip(" │┃") or RULE.match(line):
            continue
        cells = (
            re.split("[│┃]", line)[1:]
            if boxed
            else [line[a:b] for a, b in zip(starts, [*starts[1:], None], strict=True)]
        )
        cells = [cell.strip() for cell in cells]
        if rows and not cells[1]:
            rows[-1] = [f"{above} {cell}".strip() for above, cell in zip(rows[-1], cells, strict=False)]
        else:
            rows.append(cells)
    width = len(rows[0]) if rows[0][-1] else len(rows[0]) - 1
    return [row[:width] for row in rows]


def torchinfo_cells(lines: list[str]) -> list[list[str]]:
    """The layers themselves: a module that is only the sum of the rows indented below it is left out."""
    rows: list[tuple[int, list[str]]] = []
    for line in lines[1:]:
        if FOOTERS.match(line):
            break
        if line.strip() and not RULE.match(line):
            prefix = TREE.match(line)
            depth = prefix.end() if prefix else 0
            rows.append((depth, re.split(r"\s{2,}", line[depth:].strip())))
    header = re.split(r"\s{2,}", lines[0].strip())
    leaves = [
        cells
        for (depth, cells), (below, _) in zip(rows, [*rows[1:], (0, [""])], strict=True)
        if depth > 0 and below <= depth
    ]
    return [header, *([torchinfo_cell(cell, name) for cell, name in zip(row, header, strict=False)] for row in leaves)]


def torchinfo_cell(cell: str, column: str) -> str:
    """`--` counts nothing, `(1,728)` is frozen, and `(recursive)` was counted in a row above."""
    if column not in {"Param #", "Mult-Adds"}:
        return cell
    return {"--": "0", "(recursive)": ""}.get(cell, cell.strip("()"))
