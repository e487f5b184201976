"""Printouts of Lightning's `ModelSummary`: name, class, parameters, and sizes if an example input is known."""

from __future__ import annotations

import re
from collections.abc import Sequence

from convstudy.claims.grid import Grid
from convstudy.claims.printouts.lines import RULE, printout_grid

NAMES = {"Name": "Name", "Type": "type", "Params": "Params", "In sizes": "Input size", "Out sizes": "Output size"}


def lightning_grid(lines: Sequence[str], source: str) -> Grid:
    """Read the rows of a model summary; modules whose parts are listed below them are left out.

    Raises:
        ClaimError: if it has no rows.
    """
    names = [name.strip() for name in lines[0].split("|")[1:]]
    kept = [number for number, name in enumerate(names) if name in NAMES]
    rows, total = [], None
    for line in lines[1:]:
        match = re.match(r"\s*([\d.,]+ ?[KMBT]?)\s+Total params", line)
        if match:
            total = match[1].strip()
            break
        if "|" in line and not RULE.match(line):
            cells = [cell.strip() for cell in line.split("|")[1:]]
            rows.append([cells[number] if number < len(cells) else "" for number in kept])
    leaves = [row for row, below in zip(rows, [*rows[1:], [""]], strict=True) if not below[0].startswith(f"{row[0]}.")]
    plain = [[cell.replace("?", "") if cell != "n/a" else "" for cell in row] for row in leaves]
    header = [NAMES[names[number]] for number in kept]
    return printout_grid(header, plain, source, printer="lightning", total=total)
