"""Hold a claimed layer table against its own consequences, or against a model's rows, and name the mistakes."""

from __future__ import annotations

from collections.abc import Sequence

from convstudy.claims.checking.describe import DescribedNetwork, describe
from convstudy.claims.checking.facts import Facts, Value, facts_of_table
from convstudy.claims.checking.findings import CheckedCell, CheckReport
from convstudy.claims.checking.matching import ModelRow, facts_of_model
from convstudy.claims.checking.search import MistakeSearch, agrees, claim
from convstudy.claims.printed_shape import in_layout
from convstudy.claims.table import QUANTITIES, ClaimedTable, Quantity
from convstudy.errors import ClaimError


def check(table: ClaimedTable, model_rows: Sequence[ModelRow] | None = None) -> CheckReport:
    r"""Check every claimed cell of a layer table.

    Without `model_rows` the table itself describes the network: each row follows from the row above it, and padding
    that is not stated is inferred from the shapes. With them, the table's rows are matched to the model's layers.

    Raises:
        ClaimError: when the table holds no claim that can be checked.

    >>> from convstudy.claims.reading import parse_table
    >>> table = parse_table("layer\tshape\tparameters\nInput\t(32,32,3)\t0\nCONV1 (f=5, s=1)\t(28,28,8)\t208\n")
    >>> report = check(table)
    >>> [(cell.row, str(cell.claimed), cell.correct, cell.mistake, cell.formula) for cell in report.wrong]
    [('CONV1 (f=5, s=1)', '208', 608, 'input-channels-left-out', '(5·5·3 + 1)·8 = 608')]
    """
    network, facts, notes = facts_from(table, model_rows)
    search = MistakeSearch(table, network, facts)
    cells = tuple(
        checked(table, search, number, quantity)
        for number in range(len(table.rows))
        for quantity in QUANTITIES
        if claim(facts[number], quantity) is not None
    )
    if not cells or all(cell.holds is None for cell in cells):
        raise ClaimError(
            f"{table.source}: no row tells enough to be checked; expected rows such as Input, CONV1 (f=5, s=1), FC3"
        )
    return CheckReport(table.source, cells, (*table.notes, *notes), table.layout)


def facts_from(
    table: ClaimedTable, model_rows: Sequence[ModelRow] | None
) -> tuple[DescribedNetwork, list[Facts], tuple[str, ...]]:
    if model_rows is not None:
        return facts_of_model(table, model_rows)
    network = describe(table)
    return network, facts_of_table(network), network.notes


def checked(table: ClaimedTable, search: MistakeSearch, number: int, quantity: Quantity) -> CheckedCell:
    """One cell: the claim, what is right, and the mistake where the two differ."""
    fact = search.facts[number]
    claimed, correct = claim(fact, quantity), fact.correct.get(quantity)
    assert claimed is not None
    holds = None if correct is None else agrees(claimed, correct)
    found = search.explanations(number, quantity) if holds is False else []
    return CheckedCell(
        row=table.rows[number].label,
        column=table.columns[quantity],
        quantity=quantity,
        claimed=claimed,
        correct=correct,
        holds=holds,
        formula=with_result(table, fact.formulas.get(quantity, ""), correct),
        explanation=found[0] if found else None,
        alternatives=tuple(found[1:]),
    )


def with_result(table: ClaimedTable, formula: str, correct: Value | None) -> str:
    """A formula and what it gives: `(5·5·3 + 1)·8 = 608`."""
    if not formula or correct is None:
        return formula
    result = (
        f"{correct:,}" if isinstance(correct, int) else "(" + ",".join(map(str, in_layout(correct, table.layout))) + ")"
    )
    return result if formula == result.replace(",", "") else f"{formula} = {result}"
