"""Tables in the forms that people use: right cells are not accused, planted mistakes are found and named."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from convstudy.claims import parse_table, read_table
from convstudy.claims.checking import CheckedCell, CheckReport, check
from tests.claims.corpus_tables import PlantedMistake, planted_mistakes, right_tables

FEWEST_TABLES = 60
SHARE_FOUND = 0.95


def accused(path: Path) -> list[tuple[str, str]]:
    return [(cell.row, cell.quantity) for cell in check(read_table(path)).wrong]


def is_meant(cell: CheckedCell, planted: PlantedMistake) -> bool:
    return cell.row.startswith(planted.row) and cell.quantity == planted.quantity


@cache
def report_on(planted: PlantedMistake) -> CheckReport:
    return check(parse_table(planted.text, planted.base))


def found(planted: PlantedMistake) -> list[CheckedCell]:
    """Return the cell of a planted mistake, if it is wrong and has one of the accepted names."""
    cells = [cell for cell in report_on(planted).wrong if is_meant(cell, planted)]
    if not planted.names:
        return cells
    names = [{each.mistake for each in (cell.explanation, *cell.alternatives) if each} for cell in cells]
    return [cell for cell, made in zip(cells, names, strict=True) if made & set(planted.names)]


def test_the_corpus_has_many_tables() -> None:
    assert len(right_tables()) >= FEWEST_TABLES


@pytest.mark.parametrize("path", right_tables(), ids=lambda path: path.name)
def test_no_right_cell_is_accused(path: Path) -> None:
    assert accused(path) == []


def test_planted_mistakes_are_found_and_named() -> None:
    planted = planted_mistakes()
    missed = [(each.base, each.row, each.changed) for each in planted if not found(each)]
    assert len(missed) <= (1 - SHARE_FOUND) * len(planted), missed


def test_no_other_cell_is_accused_beside_a_planted_mistake() -> None:
    others = []
    for planted in planted_mistakes():
        others += [
            (planted.base, planted.changed, cell.row, cell.quantity, str(cell.claimed))
            for cell in report_on(planted).wrong
            if not is_meant(cell, planted) and cell.mistake != "passed-on"
        ]
    assert others == []
