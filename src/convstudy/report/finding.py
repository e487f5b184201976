"""A repeated finding as a page: Markdown, HTML, and the parts that the terminal shows, too."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite

from convstudy.findings.finding import Answer, Cell, Column, Estimate, FigureTable, Finding, Outcome, Statement, Unit
from convstudy.report import numbers
from convstudy.report.layer_document import page


def _number(value: float) -> str:
    """Format a number with three significant digits, a very small one as a power of ten."""
    return f"{value:.1e}" if value and abs(value) < 0.001 else f"{value:,.3g}"


FORMATS: Mapping[Unit, Callable[[float], str]] = {
    Unit.PERCENT: numbers.percent,
    Unit.POINTS: numbers.points,
    Unit.COUNT: lambda value: numbers.count(int(value)),
    Unit.SCALED: numbers.scaled,
    Unit.SECONDS: numbers.rate,
    Unit.NUMBER: _number,
    Unit.TIMES: _number,
}
HEADINGS = {
    Answer.YES: "The finding shows.",
    Answer.NO: "The finding does not show.",
    Answer.UNDECIDED: "Not decided: some statements are neither shown nor contradicted.",
}


def cell(value: Cell, unit: Unit) -> str:
    """Format a cell of a table of figures.

    >>> cell(0.9778, Unit.PERCENT), cell(12_443_648, Unit.COUNT), cell(None, Unit.SECONDS), cell("net", Unit.TEXT)
    ('97.8%', '12,443,648', '–', 'net')
    """
    if value is None:
        return numbers.ABSENT
    return value if isinstance(value, str) else FORMATS[unit](value)


def evidence(statement: Statement) -> str:
    """Return the figures on which the answer to a statement is based.

    >>> found = Estimate(of="error of a minus that of b", value=0.2, low=0.1, high=0.3, p_value=0.002)
    >>> evidence(Statement(text="a is worse.", answer=Answer.YES, estimate=found))
    'error of a minus that of b: +20.0 pp (95% CI +10.0 to +30.0, p = 0.002)'
    """
    if statement.counted:
        agreeing, of = statement.counted
        return f"{agreeing:,} of {of:,}"
    estimate = statement.estimate
    if estimate is None:
        return ""
    wrong = (
        "" if estimate.comparable else "; no verdict: something is wrong with the runs (see the comparison's report)"
    )
    return f"{estimate.of}: {_with_limits(estimate)}{wrong}"


def _with_limits(estimate: Estimate) -> str:
    form, unit = FORMATS[estimate.unit], {Unit.POINTS: " pp", Unit.TIMES: " times"}.get(estimate.unit, "")
    value = f"{form(estimate.value)}{unit}"
    if estimate.low is None or estimate.high is None or not isfinite(estimate.low):
        return value
    sure = "" if estimate.p_value is None else f", p = {numbers.p_value(estimate.p_value)}".replace("= <", "<")
    return f"{value} (95% CI {form(estimate.low)} to {form(estimate.high)}{sure})"


def basis(finding: Finding, outcome: Outcome) -> str:
    """Say on which version, under which conditions and in how much time it was repeated."""
    version = "" if not finding.quick_differs else f"quick version ({finding.quick_differs}); "
    parts = [f"{name}: {value}" for name, value in outcome.conditions.items()]
    if outcome.training_seconds is not None:
        parts.append(f"training, all runs together: {outcome.training_seconds / 60:,.1f} minutes")
    return (version if outcome.quick else "") + "; ".join(parts)


def markdown(finding: Finding, outcome: Outcome, command: str) -> str:
    """Return the page in GitHub Markdown."""
    lines = [f"# {finding.name}", "", finding.question, "", f"**{HEADINGS[outcome.answer]}**", ""]
    lines += _table(("statement", "shown", "figures"), [(s.text, s.answer, evidence(s)) for s in outcome.statements])
    lines += ["", "## The source", "", f"{finding.source[0].upper()}{finding.source[1:]}.", ""]
    if finding.printed:
        lines += [*_table(("what", "printed", "where"), [(p.what, p.value, p.where) for p in finding.printed]), ""]
    lines += ["## What came out here", ""]
    for table in outcome.tables:
        lines += [f"{table.title}:", "", *_figures(table), ""]
    lines += [f"- {note}" for note in outcome.notes]
    lines += ["", "## How it was repeated", "", "```console", command, "```", ""]
    if text := basis(finding, outcome):
        lines += [f"{text[0].upper()}{text[1:]}.", ""]
    return "\n".join(lines)


def _figures(table: FigureTable) -> list[str]:
    numeric = [column.unit is not Unit.TEXT for column in table.columns]
    return _table([column.name for column in table.columns], formatted(table), numeric)


def formatted(table: FigureTable) -> list[tuple[str, ...]]:
    """Return the rows of a table of figures as text."""
    return [
        tuple(cell(value, column.unit) for value, column in zip(row, table.columns, strict=True)) for row in table.rows
    ]


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]], numeric: Sequence[bool] = ()) -> list[str]:
    right = [*numeric, *(False for _ in heads[len(numeric) :])]
    lines = [heads, ["---:" if number else "---" for number in right], *rows]
    return ["| " + " | ".join(str(text).replace("|", "\\|") for text in line) + " |" for line in lines]


@dataclass(frozen=True)
class _Table:
    title: str
    columns: tuple[Column, ...]
    rows: list[tuple[str, ...]]


def html(finding: Finding, outcome: Outcome, command: str) -> str:
    """Return the page in HTML, self-contained; it links the reports of the comparisons beside it."""
    return page(
        "finding.html",
        title=finding.name,
        finding=finding,
        heading=HEADINGS[outcome.answer],
        answer=outcome.answer.value,
        statements=[(each.text, each.answer.value, numbers.unbroken(evidence(each))) for each in outcome.statements],
        tables=[_Table(table.title, table.columns, formatted(table)) for table in outcome.tables],
        notes=outcome.notes,
        reports=[f"{name}/report.html" for name in outcome.comparisons],
        basis=basis(finding, outcome),
        command=command,
    )
