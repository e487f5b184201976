"""Printouts of torchinfo and torchsummary."""

from __future__ import annotations

import re
from collections.abc import Sequence

from convstudy.claims.grid import Grid
from convstudy.claims.printouts.lines import FOOTERS, RULE, printed_total, printout_grid

TREE = re.compile(r"^[\s│├└|+─-]*[─-]\s*")
COUNTED = ("Param #", "Mult-Adds")


def torchsummary_grid(lines: Sequence[str], source: str) -> Grid:
    """Read the rows of a torchsummary printout, or one in its form that lists input shapes, until the footer.

    Raises:
        ClaimError: if it has no rows.
    """
    shapes = [name for name in ("Input Shape", "Output Shape") if name in lines[0]]
    rows = []
    for line in lines[1:]:
        if FOOTERS.match(line):
            break
        if line.strip() and not RULE.match(line):
            match = re.match(r"\s*(?:[│├└─|+\s]*)?(\S+(?: \S+)*?)\s+(\[.*\]|--)\s+([\d,]+|--)(?:\s+[\d,]+)?\s*$", line)
            cells = (
                [match[1], *shapes_in(match[2], len(shapes)), match[3]] if match else re.split(r"\s{2,}", line.strip())
            )
            rows.append([cells[0], re.sub(r"[-:]\s*[\d-]+$", "", cells[0]), *map(blank, cells[1 : len(shapes) + 2])])
    header = ("Layer", "type", *shapes, "Param #")
    return printout_grid(header, rows, source, printer="torchsummary", total=printed_total(lines))


def shapes_in(text: str, count: int) -> list[str]:
    """Return the shapes in a row: `[[1, 3, 8, 8]]  [1, 6, 4, 4]` are an input in a list, and an output."""
    found = re.findall(r"\[\[.*?\]\]|\[[^\[\]]*\]", text) if count > 1 else [text]
    return found if len(found) == count else [text] * count


def blank(cell: str) -> str:
    return "" if cell == "--" else cell


def torchinfo_grid(lines: Sequence[str], source: str) -> Grid:
    """Read the layers of a torchinfo printout; a module that only sums the rows indented below it is left out.

    Raises:
        ClaimError: if it has no rows.
    """
    rows: list[tuple[int, list[str]]] = []
    for line in lines[1:]:
        if FOOTERS.match(line):
            break
        if line.strip() and not RULE.match(line):
            prefix = TREE.match(line)
            depth = prefix.end() if prefix else 0
            rows.append((depth, re.split(r"\s{2,}", line[depth:].strip())))
    names = re.split(r"\s{2,}", lines[0].strip())
    leaves = [
        cells
        for (depth, cells), (below, _) in zip(rows, [*rows[1:], (0, [""])], strict=False)
        if ((depth > 0 or len(rows) == 1) and below <= depth) or has_own_parameters(cells, names)
    ]
    header = ["Layer", "type", *names[1:]]
    found = [
        [
            row[0],
            class_in(row[0]),
            *(torchinfo_cell(cell, name) for cell, name in zip(row[1:], names[1:], strict=False)),
        ]
        for row in leaves
    ]
    return printout_grid(header, found, source, printer="torchinfo", total=printed_total(lines))


def has_own_parameters(cells: Sequence[str], names: Sequence[str]) -> bool:
    """Return whether a module has parameters beside those of the modules below it."""
    place = names.index("Param #") if "Param #" in names else len(cells)
    return place < len(cells) and re.fullmatch(r"\(?[\d,]+\)?", cells[place]) is not None


def class_in(label: str) -> str:
    """Return the class of a torchinfo label.

    >>> class_in("Conv2d (conv1): 1-1"), class_in("Linear: 1-4")
    ('Conv2d', 'Linear')
    """
    return re.split(r"\s*\(|:", label)[0].strip()


def torchinfo_cell(cell: str, column: str) -> str:
    """Return a cell: `--` counts nothing, `(1,728)` is frozen, `(recursive)` was counted in a row above."""
    if column == "Kernel Shape" and cell == "--":
        return ""
    if column not in COUNTED:
        return cell
    return {"--": "0", "(recursive)": ""}.get(cell, cell.strip("()"))
