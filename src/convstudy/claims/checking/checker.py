"""Check of a claimed layer table against its own consequences or a model's layers; each mistake is named."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

from convstudy.claims.checking.describe import DescribedNetwork, describe
from convstudy.claims.checking.facts import Facts, Value, facts_of_table
from convstudy.claims.checking.findings import CheckedCell, CheckReport
from convstudy.claims.checking.matching import ModelRow, facts_of_model
from convstudy.claims.checking.mistakes import NamedMistake
from convstudy.claims.checking.search import MistakeSearch, agrees, claim
from convstudy.claims.checking.settings_shift import settings_moved_down
from convstudy.claims.checking.work import explained_by_factors, mistake_in_work
from convstudy.claims.layer_kind import LayerKind
from convstudy.claims.printed_number import PrintedNumber
from convstudy.claims.printed_shape import Layout, Shape, channels_first, in_layout
from convstudy.claims.table import QUANTITIES, ClaimedTable, Quantity
from convstudy.errors import ClaimError

MOST_TOTALS = 200  # each is compared with all rows above it
FEWEST_FREED = 3  # wrong cells that another reading of the whole table must free


def check(table: ClaimedTable, model_rows: Sequence[ModelRow] | None = None) -> CheckReport:
    r"""Check every claimed cell of a layer table, and of the further tables of its file.

    Without `model_rows` the table itself describes the network: each row follows from its inputs, and unstated settings
    are inferred. With them, the table's rows are matched to the model's layers. A cell that the table does not
    determine is unknown; so is a cell that cannot be read.

    Raises:
        ClaimError: if the table contains no claim.

    >>> from convstudy.claims.reading import parse_table
    >>> table = parse_table("layer\tshape\tparameters\nInput\t(32,32,3)\t0\nCONV1 (f=5, s=1)\t(28,28,8)\t208\n")
    >>> report = check(table)
    >>> [(cell.row, str(cell.claimed), cell.correct, cell.mistake, cell.formula) for cell in report.wrong]
    [('CONV1 (f=5, s=1)', '208', 608, 'input-channels-left-out', '(5·5·3 + 1)·8 = 608')]
    """
    for each in (table, *table.others):
        totals = sum(row.layer.kind == LayerKind.TOTAL for row in each.rows)
        if totals > MOST_TOTALS:
            raise ClaimError(f"{table.source}: {totals:,} rows are totals; expected at most {MOST_TOTALS} in a table")
    first = check_one(table, model_rows)
    others = [check_one(other, model_rows) for other in table.others]
    if not first.cells and not any(other.cells for other in others):
        raise ClaimError(
            f"{table.source}: no cell claims a shape or a number; expected rows such as Input, CONV1 (f=5, s=1), FC3"
        )
    if not others:
        return first
    reports = [
        titled(report, each.title or f"table {number + 1}", number)
        for number, (report, each) in enumerate(zip([first, *others], [table, *table.others], strict=True))
    ]
    cells = tuple(cell for report in reports for cell in report.cells)
    notes = tuple(note for report in reports for note in report.notes)
    return CheckReport(table.source, cells, notes, table.layout)


def titled(report: CheckReport, title: str, number: int) -> CheckReport:
    """Return a report whose cells and notes name their table, one of several in a file."""
    cells = tuple(
        replace(cell, row=f"{title}: {cell.row}", layout=report.layout, table=number) for cell in report.cells
    )
    return replace(report, cells=cells, notes=tuple(f"{title}: {note}" for note in report.notes))


def check_one(table: ClaimedTable, model_rows: Sequence[ModelRow] | None) -> CheckReport:
    """Check one table, by the reading of it that leaves the fewest cells wrong."""
    report = report_of(table, model_rows)
    if model_rows is None and len(report.wrong) >= FEWEST_FREED:
        for other, remark in (*settings_moved_down(table), *in_other_layout(table)):
            alternative = report_of(other, None)
            freed = len(report.wrong) - len(alternative.wrong)
            if freed >= FEWEST_FREED and held(alternative) >= held(report) + FEWEST_FREED:
                report = replace(alternative, notes=(remark, *alternative.notes))
    return report


def held(report: CheckReport) -> int:
    return sum(cell.holds is True for cell in report.cells)


def in_other_layout(table: ClaimedTable) -> Iterator[tuple[ClaimedTable, str]]:
    """Yield a hand-written table read with the channels at the other end, unless most maps are square."""
    maps = [in_layout(row.shape, table.layout) for row in table.rows if row.shape and len(row.shape) == 3]
    square = sum(shape[0] == shape[1] or shape[1] == shape[2] for shape in maps)
    if table.printed_by is None and 2 * square < len(maps):
        layout: Layout = "channels first" if table.layout == "channels last" else "channels last"
        rows = tuple(
            replace(row, shape=moved(table, row.shape, layout), input_shape=moved(table, row.input_shape, layout))
            for row in table.rows
        )
        notes = tuple(note for note in table.notes if not note.startswith("shapes are read"))
        remark = f"shapes are read with {layout}: the other order contradicts more cells"
        yield replace(table, rows=rows, layout=layout, notes=notes), remark


def moved(table: ClaimedTable, shape: Shape | None, layout: Layout) -> Shape | None:
    return channels_first(in_layout(shape, table.layout), layout) if shape and len(shape) == 3 else shape


def report_of(table: ClaimedTable, model_rows: Sequence[ModelRow] | None) -> CheckReport:
    network, facts, notes = facts_from(table, model_rows)
    search = MistakeSearch(table, network, facts, against_model=model_rows is not None)
    cells = [
        checked(table, search, number, quantity)
        for number in range(len(table.rows))
        for quantity in QUANTITIES
        if claim(facts[number], quantity) is not None
    ]
    named = [*named_together(cells), *unreadable_cells(table)]
    return CheckReport(table.source, tuple(named), (*table.notes, *notes), table.layout)


def facts_from(
    table: ClaimedTable, model_rows: Sequence[ModelRow] | None
) -> tuple[DescribedNetwork, list[Facts], tuple[str, ...]]:
    if model_rows is not None:
        return facts_of_model(table, model_rows)
    network = describe(table)
    return network, facts_of_table(network), network.notes


def checked(table: ClaimedTable, search: MistakeSearch, number: int, quantity: Quantity) -> CheckedCell:
    """Return one checked cell: the claim, the right value, and the mistake if they differ."""
    fact = search.facts[number]
    claimed, correct = claim(fact, quantity), fact.correct.get(quantity)
    assert claimed is not None
    formula = fact.formulas.get(quantity, "")
    holds = None if correct is None else agrees(claimed, correct)
    found = search.explanations(number, quantity) if holds is False else []
    if isinstance(claimed, PrintedNumber) and claimed.work is not None and isinstance(correct, int):
        mistake = mistake_in_work(claimed, correct)
        holds = holds and mistake is None
        if mistake:
            found = [mistake, *found]
        elif holds is False:
            found = [*explained_by_factors(found, claimed.work, formula)]
    elif isinstance(claimed, PrintedNumber) and claimed.work and (mistake := mistake_in_work(claimed, None)):
        correct, holds, found = int(claimed.work.value), False, [mistake]  # whatever the layer: the formula is shown
    return CheckedCell(
        row=table.rows[number].label,
        column=table.columns[quantity],
        quantity=quantity,
        claimed=claimed,
        correct=correct,
        holds=holds,
        formula=with_result(table, formula, correct),
        explanation=found[0] if found else None,
        alternatives=tuple(found[1:]),
        layout=table.layout,
        number=number,
    )


OF_SEVERAL_CELLS = frozenset({
    "passed-on",
    "axes-exchanged",
    "columns-exchanged",
    "rows-exchanged",
    "side-branches-left-out",
    "side-branches-in-one-column",
})  # fmt: skip


def named_together(cells: Sequence[CheckedCell]) -> Iterator[CheckedCell]:
    """Yield the cells, each with the mistake first that explains the most cells of the table.

    A cell that follows from another one, or is exchanged with it, keeps that explanation.
    """
    options = [[each for each in (cell.explanation, *cell.alternatives) if each] for cell in cells]
    count = Counter(name for found in options for name in {each.mistake for each in found})
    for cell, found in zip(cells, options, strict=True):
        if len(found) > 1 and found[0].mistake not in OF_SEVERAL_CELLS:
            ordered: list[NamedMistake] = sorted(found, key=lambda each: -count[each.mistake] if each.formula else 0)
            yield replace(cell, explanation=ordered[0], alternatives=tuple(ordered[1:]))
        else:
            yield cell


def unreadable_cells(table: ClaimedTable) -> Iterator[CheckedCell]:
    """Yield the cells that are neither a number nor a shape, each with the reason."""
    for number, row in enumerate(table.rows):
        for quantity in QUANTITIES:
            if quantity in row.unreadable and quantity in table.columns:
                text, reason = row.unreadable[quantity]
                yield CheckedCell(
                    row=row.label,
                    column=table.columns[quantity],
                    quantity=quantity,
                    claimed=text,
                    correct=None,
                    holds=None,
                    reason=reason,
                    layout=table.layout,
                    number=number,
                )


def with_result(table: ClaimedTable, formula: str, correct: Value | None) -> str:
    """Return a formula with its result: `(5·5·3 + 1)·8 = 608`."""
    if not formula or correct is None:
        return formula
    result = (
        f"{correct:,}" if isinstance(correct, int) else "(" + ",".join(map(str, in_layout(correct, table.layout))) + ")"
    )
    return result if formula == result.replace(",", "") else f"{formula} = {result}"
