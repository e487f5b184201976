"""The corpus: right tables in `corpus/`, and those of `corpus.tsv`, each with one planted mistake.

A line of `corpus.tsv` names the right table, the printed text, what replaces its first occurrence, and the row (the
beginning of its label), quantity and mistake to find. `-` means that no known mistake gives the number; several names
are joined by `|`. `\\t` and `\\n` stand for a tab and a line break.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

CORPUS = Path(__file__).parent / "corpus"
PLANTED = Path(__file__).parent / "corpus.tsv"


@dataclass(frozen=True, kw_only=True)
class PlantedMistake:
    """A right table with one changed cell, and the finding that is expected."""

    base: str
    printed: str
    changed: str
    row: str
    quantity: str
    mistake: str

    @property
    def text(self) -> str:
        """Return the table with the mistake."""
        right = (CORPUS / self.base).read_text(encoding="utf-8")
        assert self.printed in right, (self.base, self.printed)
        return right.replace(self.printed, self.changed, 1)

    @property
    def names(self) -> tuple[str, ...]:
        """Return the accepted names; empty if the number has none."""
        return tuple(name for name in self.mistake.split("|") if name != "-")


def right_tables() -> list[Path]:
    """Return the files of the right tables."""
    return sorted(path for path in CORPUS.iterdir() if path.is_file())


def planted_mistakes() -> list[PlantedMistake]:
    """Return the planted mistakes."""
    with PLANTED.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        return [
            PlantedMistake(**{name: text.replace("\\t", "\t").replace("\\n", "\n") for name, text in row.items()})
            for row in rows
        ]
