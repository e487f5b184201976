"""Printouts of flax' `Module.tabulate` and `nnx.tabulate`: path, module, inputs, outputs, parameters with shapes."""

from __future__ import annotations

import re
from collections.abc import Sequence

from convstudy.claims.grid import Grid
from convstudy.claims.printouts.lines import printout_grid

HEADER = ("path", "type", "Input shape", "Output shape", "kernel", "Param #")


def flax_grid(lines: Sequence[str], source: str) -> Grid:
    """Read the rows of a tabulated module; modules without parameters or kernels that only contain others are left out.

    Raises:
        ClaimError: if it has no rows.
    """
    names = [name.strip() for name in lines[0].split("┃")[1:-1]]
    place = {name: number for number, name in enumerate(names)}
    groups: list[list[list[str]]] = [[]]
    total = None
    for line in lines[1:]:
        if re.match(r"\s*├", line):
            groups.append([])
        elif "│" in line:
            groups[-1].append([cell.strip() for cell in line.split("│")[1:-1]])
        if match := re.search(r"Total Parameters:\s*([\d,]+)", line):
            total = match[1]
    rows = [flax_row(group, place) for group in groups if group]
    paths = [row[0] for row in rows]
    layers = [
        row
        for row in rows
        if row[0] and not row[3].startswith("Total") and not any(path.startswith(f"{row[0]}/") for path in paths)
    ]
    return printout_grid(HEADER, layers, source, printer="flax", total=total)


def flax_row(group: Sequence[Sequence[str]], place: dict[str, int]) -> list[str]:
    def column(name: str) -> list[str]:
        number = place.get(name)
        return [line[number] for line in group if number is not None and number < len(line) and line[number]]

    parameters = [
        line for name in place if name not in {"path", "module", "type", "inputs", "outputs"} for line in column(name)
    ]
    kernel = re.search(r"kernel: \w+\[(\d+),(\d+),\d+,\d+\]", " ".join(parameters))
    counts = [int(match[1].replace(",", "")) for line in parameters if (match := re.match(r"([\d,]+) \(", line))]
    return [
        "".join(column("path")),
        "".join(column("module") or column("type")),
        "".join(column("inputs")),
        "".join(column("outputs")),
        f"{kernel[1]}x{kernel[2]}" if kernel else "",
        str(sum(counts)) if counts else "0",
    ]
