"""Printouts whose rows state the input and the output of a layer: Darknet's list, and torchstat's table."""

from __future__ import annotations

import re
from collections.abc import Sequence

from convstudy.claims.grid import Grid, grid_of

DARKNET = re.compile(r"^\s*\d+\s+(?:conv|max)\b.*\d\s*x\s*\d.*->\s*\d+\s*x\s*\d+\s*x\s*\d+", re.MULTILINE)
TORCHSTAT = re.compile(r"^\s*module name\s+input shape\s+output shape\s+params\s+memory", re.MULTILINE)
NAMES = {"conv": "conv", "max": "max pooling", "avg": "global pooling"}
EXTENTS = r"(\d+)\s*x\s*(\d+)\s*x\s*(\d+)"


def darknet_grid(lines: Sequence[str], source: str) -> Grid:
    """Read the layers of Darknet's list, `0 conv 32 3 x 3 / 1 416 x 416 x 3 -> 416 x 416 x 32 0.299 BFLOPs`.

    Raises:
        ClaimError: if it has no rows.
    """
    rows = []
    for line in lines:
        match = re.match(rf"\s*(\d+)\s+(\w+)\b(.*?){EXTENTS}\s*->\s*{EXTENTS}\s*(?:([\d.]+)\s*BF)?", line)
        if match is None:
            continue
        number, name, settings, *extents, operations = match.groups()
        window = re.search(r"(?:^|\s)(\d+)?\s+(\d+)\s*x\s*(\d+)\s*/\s*(\d+)", settings)
        label = f"{number} {NAMES.get(name, name)}"
        kernel, stride = (f"{window[2]}x{window[3]}", window[4]) if window else ("", "")
        rows.append([label, kernel, stride, "x".join(extents[:3]), "x".join(extents[3:]), operations or ""])
    header = ["layer", "kernel", "stride", "input", "output", "GFLOPs"]
    return grid_of([header, *rows], source, notes=("printed by Darknet",))


def torchstat_grid(lines: Sequence[str], source: str) -> Grid:
    """Read the shapes and parameters of torchstat's table; its other columns are left out.

    Raises:
        ClaimError: if it has no rows.
    """
    rows = []
    for line in lines:
        match = re.match(r"\s*\d+\s+(\S+)\s+((?:\d+\s+)+)([\d,]+\.\d)\s", line)
        extents = re.findall(r"\d+", match[2]) if match else []
        if match and len(extents) in {2, 4, 6}:
            middle = len(extents) // 2
            rows.append([match[1], "x".join(extents[:middle]), "x".join(extents[middle:]), match[3].split(".")[0]])
    total = re.search(r"^total\s+([\d,]+)\.\d", "\n".join(lines), re.MULTILINE)
    if total:
        rows.append(["total", "", "", total[1]])
    header = ["layer", "input", "output", "parameters"]
    return grid_of([header, *rows], source, notes=("printed by torchstat",))
