"""Lists of layers, one a line, with a shape, a number of parameters or both: `conv1: 5x5, 6 filters -> 28x28x6`."""

from __future__ import annotations

import re
from collections.abc import Sequence

from convstudy.claims.grid import Grid, grid_of

EXTENT = r"\d{1,6}"
CROSS = r"\s*[x×*]\s*"
SHAPE = re.compile(
    rf"(?:->|=>|→|⟶|➔|[:=#]|//|output:?|out:?)\s*[(\[]?\s*({EXTENT}(?:(?:{CROSS}|\s*,\s*){EXTENT}){{2}}|"
    rf"[(\[]\s*{EXTENT}\s*,?\s*[)\]])\s*[)\]]?(?!\s*[x×*\d(])",
    re.IGNORECASE,
)
ARROW = re.compile(r"(?:->|=>|→|⟶|➔)\s*[(\[]?\s*(\d{1,6})\s*,?[)\]]?(?=\s*(?:[,;|#(]|$))")
VECTOR = re.compile(r":\s*(\d{1,6})\s*(?=[,;(]|$)")
NUMBER = r"\d+(?:[.,'_]\d+)*\s*[kKmM]?"
NOUNS = r"param(?:eter)?s?|weights"
COUNT = re.compile(
    rf"(?:{NOUNS})\s*[:=]\s*({NUMBER})\b|\b({NUMBER})\s*(?:trainable )?(?:{NOUNS})\b(?!\s*[:=])",
    re.IGNORECASE,
)
TOTAL = re.compile(r"^\W*total\b", re.IGNORECASE)
FEWEST_LINES = 2


def listed_grid(text: str, source: str) -> Grid | None:
    """Read a list of layers; None if fewer than half of its lines state a shape or a count.

    >>> grid = listed_grid("input: 8x8x3\\nconv1: 3x3, 4 filters -> 6x6x4, params: 112", "notes.txt")
    >>> grid.rows
    (('input', '8x8x3', ''), ('conv1: 3x3, 4 filters', '6x6x4', '112'))
    """
    rows = [row_of(line) for line in text.splitlines() if re.search(r"\w", line)]
    stated = [row for row in rows if row[1] or row[2]]
    if len(stated) < FEWEST_LINES or 2 * len(stated) < len(rows):
        return None
    counted = any(row[2] for row in stated)
    lines = (
        [["layer", "output shape", "parameters"], *stated]
        if counted
        else [["layer", "output shape"], *(row[:2] for row in stated)]
    )
    return grid_of(lines, source, notes=skipped(rows, stated))


def skipped(rows: Sequence[Sequence[str]], stated: Sequence[Sequence[str]]) -> tuple[str, ...]:
    number = len(rows) - len(stated)
    return (f"{number} line(s) without a shape or a number of parameters are skipped",) if number else ()


def row_of(line: str) -> list[str]:
    """Return the label, the shape and the number of parameters of a line; empty if it states none."""
    line = line.strip().strip("-*•").strip()
    count = COUNT.search(line)
    number = (count[1] or count[2]).strip().rstrip(".,") if count else ""
    found = [*SHAPE.finditer(line)] or [*filter(outside_brackets, ARROW.finditer(line))] or [*VECTOR.finditer(line)][:1]
    shape = found[-1] if found and not TOTAL.match(line) else None
    ends = [match.start() for match in (shape, count) if match]
    label = re.sub(r"[\s,;:#|(\[=/-]+$", "", line[: min(ends)] if ends else line)
    return [label, shape[1].strip() if shape else "", number]


def outside_brackets(match: re.Match[str]) -> bool:
    before = match.string[: match.start()]
    return before.count("(") <= before.count(")")
