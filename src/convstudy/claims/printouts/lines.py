"""Lines that all printouts share: rules between rows, and the footer with the total."""

from __future__ import annotations

import re
from collections.abc import Sequence

from convstudy.claims.grid import Grid, grid_of
from convstudy.claims.table import Printer

FOOTERS = re.compile(
    r"^[\s│┃]*(total|trainable|non-trainable|input size|forward/backward|params size|estimated|optimizer|"
    r"parameters in forward|shared params|unique parameters)\b",
    re.IGNORECASE,
)
RULE = re.compile(r"^[\s=_\-─━═┏┓┗┛┡┩├┤┼┴┬╇┳┻└┘╞╡╪┌┐╭╮╰╯┠┨╂┯┷+]+$")
TOTAL = re.compile(r"^[\s│┃]*Total (?:params|parameters):\s*([\d,]+)", re.MULTILINE | re.IGNORECASE)


def printed_total(lines: Sequence[str]) -> str | None:
    """Return the total of the parameters in the footer."""
    match = TOTAL.search("\n".join(lines))
    return match[1] if match else None


def printout_grid(
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    source: str,
    *,
    printer: Printer,
    total: str | None = None,
    batched: bool | None = True,
    notes: tuple[str, ...] = (),
) -> Grid:
    """Return the rows of a printout, with its printed total as the last row."""
    lines = [list(header), *(list(row) for row in rows)]
    counted = next((number for number, name in enumerate(header) if name.lower().startswith("param")), None)
    if total and counted is not None:
        lines.append(["Total", *("" if number != counted else total for number in range(1, len(header)))])
    return grid_of(lines, source, printed_by=printer, notes=(f"printed by {printer}", *notes), batched=batched)
