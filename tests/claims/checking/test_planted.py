"""One planted mistake of each kind is found, and named, in random tables; tables without one hold."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from convstudy.claims.checking import CheckReport, check
from tests.claims.checking.planted import PLANTS, Row, claims, networks, places, planted, printed, with_shape

QUIET = settings(
    deadline=None, max_examples=20, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow]
)
COLUMNS = {"shape": "output_shape", "size": "activation_size", "parameters": "parameters", "macs": "macs"}


def named(report: CheckReport) -> list[tuple[str, str, str | None]]:
    return [(cell.row, cell.quantity, cell.mistake) for cell in report.wrong]


@settings(QUIET, max_examples=60)
@given(networks() | networks(grouped=True) | networks(normed=True) | networks(odd=True))
def test_a_right_table_holds(rows: list[Row]) -> None:
    report = check(printed(rows, claims(rows)))
    assert named(report) == []
    assert all(cell.holds for cell in report.cells)
    assert len(report.cells) == 4 * len(rows)


@pytest.mark.parametrize(("mistake", "kind", "column"), PLANTS)
def test_a_planted_mistake_is_found_and_named(mistake: str, kind: str, column: str) -> None:
    strategy = networks(
        grouped=kind == "grouped conv", normed=kind == "norm", odd=(mistake, kind) == ("rounded-up", "pool")
    )

    @QUIET
    @given(rows=strategy, choice=st.integers(0, 10))
    def found(rows: list[Row], choice: int) -> None:
        options = places(rows, kind)
        assume(options)
        number = options[choice % len(options)]
        row = rows[number]
        wrong = PLANTS[mistake, kind, column](row)
        right = claims(rows)[number][column]
        assume(wrong != right)
        report = check(printed(rows, planted(rows, number, column, wrong)))
        cell = next(cell for cell in report.cells if (cell.row, cell.quantity) == (row.label, COLUMNS[column]))
        assert named(report) == [(row.label, COLUMNS[column], cell.mistake)]
        assert cell.correct == right
        explanations = [cell.explanation, *cell.alternatives]
        assert mistake in [explanation.mistake for explanation in explanations if explanation]

    found()


@QUIET
@given(rows=networks(), data=st.data())
def test_a_shape_that_is_passed_on_is_blamed_once(rows: list[Row], data: Any) -> None:
    number = data.draw(st.sampled_from([n for n, row in enumerate(rows) if row.kind == "conv"]))
    shape = rows[number].shape
    assume(min(shape[1:]) > 12)
    wrong = (shape[0], shape[1] + 2, shape[2] + 2)
    report = check(printed(rows, with_shape(rows, number, wrong)))
    shapes = [cell for cell in report.wrong if cell.quantity == "output_shape"]
    assert shapes[0].row == rows[number].label
    assert shapes[0].correct == shape
    assert shapes[0].mistake != "passed-on"
    assert {cell.mistake for cell in shapes[1:]} <= {"passed-on"}
    assert {cell.mistake for cell in report.wrong if cell.quantity != "output_shape"} <= {"passed-on"}
    assert len(report.passed_on) == len(report.wrong) - 1


@QUIET
@given(rows=networks(), data=st.data())
def test_exchanged_rows_are_named_in_both(rows: list[Row], data: Any) -> None:
    one, other = data.draw(st.permutations([n for n, row in enumerate(rows) if row.parameters]))[:2]
    numbers = claims(rows)
    assume(numbers[one]["parameters"] != numbers[other]["parameters"])
    numbers[one]["parameters"], numbers[other]["parameters"] = numbers[other]["parameters"], numbers[one]["parameters"]
    assert {mistake for _, _, mistake in named(check(printed(rows, numbers)))} == {"rows-exchanged"}


@QUIET
@given(rows=networks(), data=st.data())
def test_exchanged_columns_are_named_in_both(rows: list[Row], data: Any) -> None:
    number = data.draw(st.sampled_from([n for n, row in enumerate(rows) if row.kind == "conv"]))
    numbers = claims(rows)
    assume(numbers[number]["size"] != numbers[number]["parameters"])
    numbers[number]["size"], numbers[number]["parameters"] = numbers[number]["parameters"], numbers[number]["size"]
    found = named(check(printed(rows, numbers)))
    assert found == [
        (rows[number].label, quantity, "columns-exchanged") for quantity in ("activation_size", "parameters")
    ]


@QUIET
@given(rows=networks(), side=st.sampled_from([28, 32, 64]))
def test_the_parameters_of_another_input_are_named(rows: list[Row], side: int) -> None:
    assume(rows[0].shape[1] != side)
    numbers = claims(rows)
    try:
        others = with_shape(rows, 0, (rows[0].shape[0], side, side))
    except RuntimeError:
        assume(False)
    first = next(n for n, row in enumerate(rows) if row.kind == "dense")
    wrong = others[first]["parameters"]
    assume(wrong != numbers[first]["parameters"])
    numbers[first]["parameters"] = wrong
    report = check(printed(rows, numbers))
    (cell,) = report.wrong
    assert cell.explanation is not None
    assert "another-input-size" in [cell.mistake, *(other.mistake for other in cell.alternatives)]
