"""Printouts that list the shapes of a layer's weights beside their number: fvcore's tables, and DL4J's summary.

The number of a layer becomes a formula with its result, so that its arithmetic is checked.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from convstudy.claims.grid import Grid, grid_of, markdown_cells

FVCORE = re.compile(r"^\|\s*(?:module|name)\s*\|\s*#(?:parameters|elements) or shape\s*\|", re.MULTILINE)
DL4J = re.compile(r"^\s*LayerName \(LayerType\)\s+nIn,\s?nOut\s+TotalParams", re.MULTILINE)
SHAPE = re.compile(r"\(([\d, ]+)\)")


def fvcore_grid(lines: Sequence[str], source: str) -> Grid:
    """Read `flop_count_table` or `parameter_count_table`: the modules that own weights, with the shapes of these.

    Raises:
        ClaimError: if it has no rows.

    >>> text = "| name | #elements or shape |\\n|---|---|\\n| fc | 10 |\\n| fc.weight | (2, 4) |\\n| fc.bias | (2,) |"
    >>> fvcore_grid(text.splitlines(), "x.md").rows
    (('fc', '2*4+2=10'),)
    """
    cells = [[cell.strip() for cell in markdown_cells(line)] for line in lines if line.strip().startswith("|")]
    rows = [row for row in cells[1:] if len(row) > 1 and not set(row[0]) <= {":", "-", " "}]
    found = []
    for row in rows:
        weights = [other[1] for other in rows if other[0].rpartition(".")[0] == row[0] and SHAPE.fullmatch(other[1])]
        if weights and not SHAPE.fullmatch(row[1]):
            formula = "+".join(product(SHAPE.fullmatch(weight)[1]) for weight in weights)  # type: ignore[index]
            found.append([row[0], f"{formula}={row[1]}"])
    return grid_of([["module", "parameters"], *found], source, notes=("printed by fvcore",))


def dl4j_grid(lines: Sequence[str], source: str) -> Grid:
    """Read DL4J's summary: name and class, number of parameters, shapes of weights and biases.

    Raises:
        ClaimError: if it has no rows.
    """
    found = []
    for line in lines:
        match = re.match(r"\s*(\S+ \(\w+\))\s+[\d-]+,[\d-]+\s+([\d,]+)\s+(.*)$", line)
        if match:
            formula = "+".join(product(weight) for weight in re.findall(r"\{([\d,]+)\}", match[3]))
            found.append([match[1], f"{formula}={match[2]}" if formula else match[2]])
    return grid_of([["layer", "parameters"], *found], source, notes=("printed by DL4J",))


def product(extents: str) -> str:
    return "*".join(re.findall(r"\d+", extents))
