"""Caffe's log of a net that is set up: each layer's top shape and its number of values."""

from __future__ import annotations

import re
from collections.abc import Sequence

from convstudy.claims.grid import Grid
from convstudy.claims.printouts.lines import printout_grid

SETTING_UP = re.compile(r"Setting up ([\w/.-]+)")
TOP = re.compile(r"Top shape:\s*((?:\d+\s+)+)\((\d+)\)")


def is_caffe_log(text: str) -> bool:
    """Return whether a text is Caffe's log of a net."""
    return SETTING_UP.search(text) is not None and TOP.search(text) is not None


def caffe_grid(lines: Sequence[str], source: str) -> Grid:
    """Read name, shape and size of each layer; sizes are those of a whole batch and are divided by it.

    Raises:
        ClaimError: if it has no rows.
    """
    rows: list[list[str]] = []
    name = ""
    for line in lines:
        if match := SETTING_UP.search(line):
            name = match[1]
        elif (match := TOP.search(line)) and name:
            extents = match[1].split()
            size = int(match[2])
            batch = int(extents[0])
            label = "Input (data)" if not rows else name
            rows.append([label, "x".join(extents), str(size // batch) if size % batch == 0 else ""])
            name = ""
    return printout_grid(("Layer", "Output shape", "Activation size"), rows, source, printer="caffe")
