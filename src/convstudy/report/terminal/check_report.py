"""A checked layer table: the verdict on each cell, and the mistake behind each wrong one."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from convstudy.claims.checking import CheckedCell, CheckReport
from convstudy.report import numbers
from convstudy.report.terminal.table import plain_table


def check_report(report: CheckReport) -> RenderableType:
    """Draw all cells, the number of wrong ones, and for each of them the correct number and the mistake."""
    lines = [_total(report), *_whole_columns(report), *(_wrong(cell, report) for cell in report.wrong)]
    unknown = [cell for cell in report.cells if cell.holds is None]
    if unknown:
        names = "; ".join(f"{cell.row}, {cell.column}" + f" ({cell.reason})" * bool(cell.reason) for cell in unknown)
        lines.append(Text(f"not checked, because the table does not determine them: {names}", style="dim"))
    notes = [Text(note, style="dim") for note in report.notes]
    return Group(_cells(report), Text(), *lines, *([Text(), *notes] if notes else []))


def _cells(report: CheckReport) -> RenderableType:
    table = plain_table("row", "column", numeric=("claimed", "correct", ""))
    for cell in report.cells:
        mark, style = {True: ("right", "green"), False: ("wrong", "bold red"), None: ("?", "dim")}[cell.holds]
        claimed, correct = _value(cell.claimed, report), _value(cell.correct, report)
        table.add_row(Text(cell.row), Text(cell.column), Text(claimed), Text(correct), Text(mark, style))
    return table


def _total(report: CheckReport) -> Text:
    cells = numbers.plural(len(report.cells), "cell")
    if report.holds:
        return Text(f"no mistake found in {cells}", style="bold green")
    passed_on = f" ({len(report.passed_on)} of them only follow from another wrong cell)" if report.passed_on else ""
    return Text(
        f"{len(report.wrong)} of {cells} {'is' if len(report.wrong) == 1 else 'are'} wrong{passed_on}", style="bold red"
    )


def _whole_columns(report: CheckReport) -> Iterator[Text]:
    """Yield a line with the columns that are right throughout, if other cells are wrong."""
    columns = {cell.column: [other for other in report.cells if other.column == cell.column] for cell in report.cells}
    right = [f"{name} (all {len(cells)})" for name, cells in columns.items() if all(cell.holds for cell in cells)]
    if right and not report.holds:
        yield Text(f"right columns: {', '.join(right)}", style="green")


def _wrong(cell: CheckedCell, report: CheckReport) -> RenderableType:
    about = Table.grid("", "", padding=(0, 1))
    about.add_row("  correct:", Text(cell.formula or _value(cell.correct, report)))
    if cell.explanation is None:
        about.add_row("  mistake:", "no known mistake gives this number")
    else:
        about.add_row("  mistake:", Text(f"{cell.explanation.sentence} ({cell.explanation.mistake})"))
        if cell.explanation.formula:
            about.add_row("", Text(cell.explanation.formula))
        if cell.alternatives:
            about.add_row("  or:", ", ".join(other.mistake for other in cell.alternatives), style="dim")
    claim = Text(f"{cell.row}, {cell.column}: {_value(cell.claimed, report)} is wrong", style="bold")
    return Group(Text(), claim, about)


def _value(value: object, report: CheckReport) -> str:
    if isinstance(value, tuple):
        ordered = (*value[1:], value[0]) if report.layout == "channels last" and len(value) > 1 else value
        return f"({','.join(map(str, ordered))})"
    return numbers.count(value) if isinstance(value, int) else "–" if value is None else str(value)
