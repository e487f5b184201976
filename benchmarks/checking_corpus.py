"""Check the corpus of `tests/claims/corpus`: false accusations, planted mistakes found and named, and refusals.

uv run python benchmarks/checking_corpus.py
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.claims.corpus_tables import PlantedMistake, planted_mistakes, right_tables

from convstudy.claims import ClaimedTable, parse_table, read_table
from convstudy.claims.checking import CheckedCell, CheckReport, check
from convstudy.errors import ClaimError


def main() -> None:
    """Print the three figures, and each table that misses its goal."""
    reports = {path.name: checked_or_none(partial(read_table, path)) for path in right_tables()}
    refused = [name for name, report in reports.items() if report is None]
    cells = [cell for report in reports.values() if report for cell in report.cells]
    accused = [(name, cell) for name, report in reports.items() if report for cell in report.wrong]
    unknown = sum(cell.holds is None for cell in cells)
    planted = planted_mistakes()
    outcomes = [(each, checked_or_none(partial(parse_table, each.text, each.base))) for each in planted]
    missed = [each for each, report in outcomes if report is None or not named(each, report)]
    blamed = [
        (each, cell)
        for each, report in outcomes
        if report
        for cell in report.wrong
        if not is_meant(each, cell) and cell.mistake != "passed-on"
    ]
    tables = len(reports) + len(planted)
    print(f"{len(reports)} right tables with {len(cells):,} cells ({unknown:,} unknown), {len(planted)} with a mistake")
    print(f"false accusations: {len(accused)} in right tables, {len(blamed)} beside a planted mistake (goal 0)")
    share = 100 * (len(planted) - len(missed)) / len(planted)
    print(f"planted mistakes found and named: {len(planted) - len(missed)} of {len(planted)}, {share:.1f}% (goal 95%)")
    print(f"refusals: {len(refused)} of {tables} tables, {100 * len(refused) / tables:.1f}% (goal at most 5%)")
    for name, cell in accused:
        print(f"  accused: {name}: {cell.row}, {cell.column}")
    for each in missed:
        print(f"  missed: {each.base}: {each.changed} in {each.row}")
    for each, cell in blamed:
        print(f"  blamed: {each.base} with {each.changed}: {cell.row}, {cell.column}")
    for name in refused:
        print(f"  refused: {name}")


def checked_or_none(read: Callable[[], ClaimedTable]) -> CheckReport | None:
    """Return the report on a table; None if it is refused."""
    try:
        return check(read())
    except ClaimError:
        return None


def is_meant(planted: PlantedMistake, cell: CheckedCell) -> bool:
    return cell.row.startswith(planted.row) and cell.quantity == planted.quantity


def named(planted: PlantedMistake, report: CheckReport) -> bool:
    """Return whether the planted cell is wrong and has an accepted name, if it has any."""
    meant = [cell for cell in report.wrong if is_meant(planted, cell)]
    names = [{each.mistake for each in (cell.explanation, *cell.alternatives) if each} for cell in meant]
    return bool(meant) if not planted.names else any(made & {*planted.names} for made in names)


if __name__ == "__main__":
    main()
