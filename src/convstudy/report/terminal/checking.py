"""A checked layer table: every cell's fate, and the mistake behind each wrong one."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.text import Text

from convstudy.analysis.checking import CheckedCell, CheckReport
from convstudy.report import numbers
from convstudy.report.terminal.table import plain_table


def check_report(report: CheckReport) -> RenderableType:
    """Draw each wrong cell with its right number and the mistake, and how many cells hold."""
    lines = [_fate(report), *(line for cell in report.wrong for line in _wrong(cell, report))]
    unknown = [cell for cell in report.cells if cell.holds is None]
    if unknown:
        names = "; ".join(f"{cell.row}, {cell.column}" for cell in unknown)
        lines.append(Text(f"not told by the table, so not checked: {names}", style="dim"))
    lines.extend(Text(note, style="dim") for note in report.notes)
    return Group(_cells(report), Text(), *lines)


def _cells(report: CheckReport) -> RenderableType:
    table = plain_table("row", "column", numeric=("claimed", "correct", ""))
    for cell in report.cells:
        mark, style = {True: ("holds", "green"), False: ("wrong", "bold red"), None: ("?", "dim")}[cell.holds]
        table.add_row(
            cell.row, cell.column, _value(cell.claimed, report), _value(cell.correct, report), Text(mark, style)
        )
    return table


def _fate(report: CheckReport) -> Text:
    cells = numbers.plural(len(report.cells), "cell")
    if report.holds:
        return Text(f"no mistake found in {cells}", style="bold green")
    passed_on = f", {len(report.passed_on)} of them only passed on from a wrong cell" if report.passed_on else ""
    return Text(f"{len(report.wrong)} of {cells} wrong{passed_on}", style="bold red")


def _wrong(cell: CheckedCell, report: CheckReport) -> Iterator[Text]:
    yield Text()
    yield Text(f"{cell.row}, {cell.column}: {_value(cell.claimed, report)} is wrong", style="bold")
    yield Text(f"  right:   {cell.formula}" if cell.formula else f"  right:   {_value(cell.correct, report)}")
    if cell.explanation is None:
        yield Text("  mistake: none that is known gives this number")
        return
    yield Text(f"  mistake: {cell.explanation.sentence} ({cell.explanation.mistake})")
    if cell.explanation.formula:
        yield Text(f"           {cell.explanation.formula}")
    if cell.alternatives:
        yield Text(f"  or:      {', '.join(other.mistake for other in cell.alternatives)}", style="dim")


def _value(value: object, report: CheckReport) -> str:
    if isinstance(value, tuple):
        ordered = (*value[1:], value[0]) if report.layout == "channels last" and len(value) > 1 else value
        return f"({','.join(map(str, ordered))})"
    return numbers.count(value) if isinstance(value, int) else "–" if value is None else str(value)
