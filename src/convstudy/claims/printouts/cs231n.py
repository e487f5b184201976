"""The listings of the course CS231n.

Of VGG: `CONV3-64: [224x224x64]  memory: ...=3.2M  weights: (3*3*3)*64 = 1,728`; of AlexNet: `[55x55x96] CONV1: 96 11x11
filters at stride 4, pad 0`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from convstudy.claims.grid import Grid
from convstudy.claims.printouts.lines import printout_grid

ROW = re.compile(
    r"^\W*(\w[^:\[]*):\s*\[([^\]]*)\]\s*memory:\s*(.*?)\s+(?:weights|params?|parameters):\s*(.*?)\s*$", re.I
)
TOTAL = re.compile(r"total params?:\s*([\d.,]+\s*[KMG]?)", re.IGNORECASE)


SHAPE_FIRST = re.compile(r"^\s*\[([\dx ]+)\]\s+(\S.*?)\s*$")


def is_memory_listing(text: str) -> bool:
    """Return whether a text is such a listing."""
    lines = text.splitlines()
    return any(sum(row.match(line) is not None for line in lines) > 1 for row in (ROW, SHAPE_FIRST))


def cs231n_grid(lines: Sequence[str], source: str) -> Grid:
    """Read label, shape, number of values and weights of each line.

    Raises:
        ClaimError: if it has no rows.
    """
    rows, total = [], None
    for line in lines:
        if match := ROW.match(line):
            rows.append([cell.strip() for cell in match.groups()])
        elif match := SHAPE_FIRST.match(line):
            rows.append([match[2], match[1], "", ""])
        elif match := TOTAL.search(line):
            total = match[1]
    header = ("Layer", "Shape", "Activation size", "Parameters")
    return printout_grid(header, rows, source, printer="cs231n", total=total, batched=False)
