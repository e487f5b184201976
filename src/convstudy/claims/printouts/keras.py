"""Printouts of `model.summary()` of Keras 2 (columns) and Keras 3 (boxes), also cut, wrapped or copied from a notebook.

A row ends where the next one begins: at a line that has both a name and the beginning of a shape. What stands between
continues the cells above it: wrapped class names, shapes and numbers.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from convstudy.claims.grid import Grid
from convstudy.claims.printouts.lines import FOOTERS, RULE, printed_total, printout_grid

SHAPE = re.compile(r"(?<=\s)(?:\[?\((?:None|multiple|\d+|\?)|\[\(|\[?\[?-?\d+, |multiple\b|\?(?=\s))")
HEADER = ("Layer (type)", "type", "Output Shape", "Param #", "Connected to")
CLASS = re.compile(r"\(\s*([A-Za-z_]\w*)[^()]*\)?\s*$")


def keras_grid(lines: Sequence[str], source: str) -> Grid:
    """Read the rows of one `model.summary()`, beginning with its header line.

    Raises:
        ClaimError: if it has no rows.
    """
    boxed = re.search(r"[┃│|]", lines[0]) is not None
    pieces = boxed_pieces(lines) if boxed else column_pieces(lines)
    rows = [keras_row(row) for row in rows_of(pieces)]
    return printout_grid(HEADER, rows, source, printer="keras", total=printed_total(lines))


def boxed_pieces(lines: Sequence[str]) -> list[list[str]]:
    """Return the cells of each line in a box; the columns of trainable flags and activations are left out."""
    names = [name.strip().lower() for name in re.split(r"[┃│|]", lines[0])[1:]]
    kept = [number for number, name in enumerate(names) if re.match(r"layer|output|param|connected", name)]
    pieces = []
    for line in lines[1:]:
        if FOOTERS.match(line):
            break
        if not re.search(r"[│|]", line) or RULE.match(line.replace("|", "+")):
            continue
        cells = [cell.strip() for cell in re.split(r"[│|]", line)[1:]]
        pieces.append([cells[number] if number < len(cells) else "" for number in kept][:4])
    return [[*piece, *[""] * (4 - len(piece))] for piece in pieces]


def column_pieces(lines: Sequence[str]) -> list[list[str]]:
    """Return the cells of each line in columns, whose starts are those of the header, give or take a blank."""
    starts = [match.start() for match in re.finditer(r"\S+(?: \S+)*", lines[0])][:4]
    pieces = []
    for line in lines[1:]:
        if FOOTERS.match(line):
            break
        if line.strip() and not RULE.match(line) and line.strip() != "#":
            pieces.append(split_line(line, starts))
    return pieces


def split_line(line: str, starts: Sequence[int]) -> list[str]:
    """Return name, shape, number and connections of a line; a shape that follows the name marks the columns."""
    match = SHAPE.search(line)
    if match and line[: match.start()].strip():
        if len(starts) > 2 and is_cut(line, match.start(), starts):
            ends = [match.start(), *starts[2:], len(line)]
            cells = [line[start:end].strip() for start, end in pairwise(ends)]
            return [line[: match.start()].strip(), *cells, *[""] * (3 - len(cells))]
        rest = re.match(
            r"(\[?\(.*?\)\]?(?=\s|$)|\[[^\]]*\]|multiple|\?|\S.*?(?=\s{2,}|$))\s*(\d[\d,]*(?:\s\((?:un\w+)\))?)?\s*(.*)$",
            line[match.start() :].rstrip(),
        )
        if rest:
            return [line[: match.start()].strip(), rest[1].strip(), rest[2] or "", rest[3].strip()]
    cells = ["", "", "", ""]
    for chunk in re.finditer(r"\S+(?: \S+)*", line):
        number = max((n for n, start in enumerate(starts) if start <= chunk.start() + 1), default=0)
        cells[number] = f"{cells[number]} {chunk[0]}".strip()
    return cells


def is_cut(line: str, start: int, starts: Sequence[int]) -> bool:
    """Return whether a shape is cut off at the end of its column."""
    return line[start] in "([" and ")" not in line[start : starts[2] + 1] and abs(start - starts[1]) <= 1


def rows_of(pieces: Sequence[Sequence[str]]) -> list[list[str]]:
    """Join the lines that continue a row."""
    rows: list[list[str]] = []
    for piece in pieces:
        begins = bool(piece[0]) and re.match(r"[\[(]|multiple|\?|-$", piece[1]) is not None
        if begins or not rows:
            rows.append(list(piece))
            continue
        row = rows[-1]
        row[0] = continued_name(row[0], piece[0])
        row[1] = continued_shape(row[1], piece[1])
        row[2] = f"{row[2]}{piece[2]}"
        row[3] = f"{row[3]} {piece[3]}".strip()
    return rows


def continued_name(name: str, piece: str) -> str:
    """Join the parts of a wrapped name: a class in brackets begins anew, the rest of a word does not.

    >>> continued_name("max_pooling2d (MaxPooling2", "D)"), continued_name("conv1_pad", "(ZeroPadding2D)")
    ('max_pooling2d (MaxPooling2D)', 'conv1_pad (ZeroPadding2D)')
    """
    return f"{name} {piece}".strip() if piece.startswith("(") or not piece else f"{name}{piece}"


def continued_shape(shape: str, piece: str) -> str:
    """Join the parts of a wrapped shape, which may break within a number.

    >>> continued_shape("(None, 56, 56, 25", "6)"), continued_shape("(None, 112, 112,", "64)")
    ('(None, 56, 56, 256)', '(None, 112, 112, 64)')
    """
    broken = shape[-1:].isdigit() and piece[:1].isdigit()
    return f"{shape}{piece}" if broken else f"{shape} {piece}".strip()


def keras_row(row: Sequence[str]) -> list[str]:
    """Return label, class, shape, number and connections of a row."""
    name, shape, number, connections = row
    match = CLASS.search(name)
    return [
        name,
        match[1] if match else "",
        shape if not shape.startswith("?") and ("(" not in shape or ")" in shape) else "",
        "" if "un" in number else number,
        connections_of(connections),
    ]


def connections_of(text: str) -> str:
    """Return the names that a row is connected to, without indices; a name that was cut off ends in `…`.

    >>> connections_of("['conv1_pad[0][0]']"), connections_of("add_1[0][0], multi_head_at…")
    ('conv1_pad', 'add_1, multi_head_at…')
    """
    if text.strip() in {"", "-", "[]"}:
        return ""
    names = []
    for part in re.split(r",\s*(?![^\[]*\])|(?<=\])\s+", text):
        name = part.strip(" '\"[]")
        cut = "…" in name or (
            re.search(r"\[\d*$|\[\d+\]\[\d*$", part.strip(" '\"")) is None
            and not part.strip().endswith("]")
            and "[" not in part
        )
        plain = re.split(r"\[|…", name)[0].strip(" '\"")
        if plain:
            names.append(f"{plain}…" if cut and "…" in name and "[" not in name.split("…")[0] else plain)
    return ", ".join(names)
