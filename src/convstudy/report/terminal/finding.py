"""What the repetition of a classic finding shows."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from convstudy.findings.finding import Answer, FigureTable, Finding, Outcome, Unit
from convstudy.report.finding import HEADINGS, basis, evidence, formatted
from convstudy.report.terminal.table import natural_width, plain_table

STYLES = {Answer.YES: "green", Answer.NO: "red", Answer.UNDECIDED: "yellow"}
WIDTH = 80


def finding_page(finding: Finding, outcome: Outcome) -> RenderableType:
    """Draw whether a finding shows: each statement with its figures, the source's figures, and the tables."""
    parts: list[RenderableType] = [Text(finding.question, style="bold"), Text()]
    for statement in outcome.statements:
        parts.append(Text.assemble((f"{statement.answer.value}: ", STYLES[statement.answer]), statement.text))
        if figures := evidence(statement):
            parts.append(Text(f"    {figures}", style="dim"))
    parts += [Text(), Text(HEADINGS[outcome.answer], style=f"bold {STYLES[outcome.answer]}")]
    parts += [Text(), Text(f"Source: {finding.source}")]
    parts += [Text(f"  {printed.what}: {printed.value} ({printed.where})") for printed in finding.printed]
    for table in outcome.tables:
        parts += [Text(), Text(table.title, style="bold"), _table(table)]
    parts += [Text(), *(Text(f"Note: {note}") for note in outcome.notes)]
    if text := basis(finding, outcome):
        parts += [Text(), Text(text, style="dim")]
    return Group(*parts)


def _table(table: FigureTable) -> RenderableType:
    """Draw a table; if it is wider than the terminal, each row in words."""
    text = [column.name for column in table.columns if column.unit is Unit.TEXT]
    drawn = plain_table(*text, numeric=[c.name for c in table.columns if c.unit is not Unit.TEXT])
    rows = formatted(table)
    for row in rows:
        drawn.add_row(*map(Text, row))
    if natural_width(drawn) <= WIDTH:
        return drawn
    names = [column.name for column in table.columns]
    return Group(*(Text(_line(names, row, table.labels)) for row in rows))


def _line(names: Sequence[str], row: Sequence[str], labels: int) -> str:
    """Return a row in words.

    >>> _line(["network", "training", "test"], ["net", "98.0%", "97.1%"], 1)
    'net: training 98.0%, test 97.1%'
    """
    figures = [f"{name} {value}" for name, value in list(zip(names, row, strict=True))[labels:]]
    return f"{', '.join(row[:labels])}: {', '.join(figures)}"
