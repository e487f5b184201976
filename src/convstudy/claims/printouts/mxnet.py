"""Printouts of MXNet: `mx.viz.print_summary` and Gluon's `net.summary`."""

from __future__ import annotations

import re
from collections.abc import Sequence

from convstudy.claims.grid import Grid
from convstudy.claims.printouts.lines import FOOTERS, RULE, printed_total, printout_grid


def gluon_grid(lines: Sequence[str], source: str) -> Grid:
    """Read a Gluon summary: name, shape with batch, parameters with running statistics.

    Raises:
        ClaimError: if it has no rows.
    """
    rows = []
    for line in lines[1:]:
        if FOOTERS.match(line):
            break
        match = re.match(r"\s*(\S+)\s+(\(.*\)|\[.*\])\s+([\d,]+)\s*$", line)
        if match and not RULE.match(line):
            rows.append([match[1], re.sub(r"-\d+$", "", match[1]), match[2], match[3]])
    header = ("Layer", "type", "Output Shape", "Param #")
    return printout_grid(header, rows, source, printer="mxnet", total=printed_total(lines))


def mxnet_grid(lines: Sequence[str], source: str) -> Grid:
    """Read `print_summary`: `convolution0(Convolution)`, a shape without batch, parameters, the previous layers.

    Raises:
        ClaimError: if it has no rows.
    """
    rows: list[list[str]] = []
    for line in lines[1:]:
        if FOOTERS.match(line):
            break
        if RULE.match(line) or not line.strip():
            continue
        match = re.match(r"\s*(\S+?)\((\w*)\)\s+([\dx]*)\s+(\d+)\s*(\S*)\s*$", line)
        if match:
            name, kind, shape, number, previous = match.groups()
            rows.append([name, kind, shape, number, previous])
        elif rows and re.fullmatch(r"\s*\S+\s*", line):
            rows[-1][4] = f"{rows[-1][4]}, {line.strip()}"
    header = ("Layer", "type", "Output Shape", "Param #", "Connected to")
    return printout_grid(header, rows, source, printer="mxnet", total=printed_total(lines), batched=False)
