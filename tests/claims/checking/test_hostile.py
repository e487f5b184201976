"""Whatever a table claims, the check ends in a report or in one clear line."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from convstudy.claims import ClaimedTable, parse_table
from convstudy.claims.checking import check, module_source
from convstudy.claims.checking.construction import unique_name
from convstudy.errors import ClaimError

LABELS = st.sampled_from([
    "Input", "CONV (f=5, s=1)", "conv 3x3, pad=same", "conv 2x2 s=3 same", "depthwise conv 3x3", "separable conv 3x3",
    "conv f=3 groups=2", "conv f=9 s=0", "conv f=0", "POOL", "max pool 3x3/2", "avg pool k=2 p=9", "global pool",
    "adaptive pool", "BN", "ReLU", "flatten", "dropout", "FC", "Softmax", "add", "concat", "LRN", "Total", "Mystery",
    "conv transposed 2x2", "", "=", "conv f=99999 s=1", "conv dilation=3 f=3",
])  # fmt: skip
SHAPES = st.sampled_from(
    ["(32,32,3)", "(28,28,8)", "8x28x28", "(1,1,8)", "(120,1)", "120", "(3,3)", "-", "", "(7,5,2)", "(2,3,4,5)"]
)
NUMBERS = st.sampled_from(["0", "608", "48,120", "61K", "3.8e9", "-5", "-", "", "1", "999999999999999999999"])
ROWS = st.lists(st.tuples(LABELS, SHAPES, NUMBERS, NUMBERS, NUMBERS), min_size=1, max_size=8)


def text_of(rows: list[tuple[str, ...]]) -> str:
    return "\n".join(["layer\tshape\tsize\tparameters\tMACs", *("\t".join(row) for row in rows)])


def refusal(use: Callable[[ClaimedTable], object], text: str) -> str:
    """The line that a table is refused with; nothing where it is not."""
    try:
        use(parse_table(text))
    except ClaimError as error:
        return str(error)
    return ""


@settings(deadline=None, max_examples=200, suppress_health_check=[HealthCheck.too_slow])
@given(ROWS)
@example([("conv f=3", "(1,1,8)", "-", "-", "-")])
def test_any_table_ends_in_a_report_or_in_one_line(rows: list[tuple[str, ...]]) -> None:
    for use in (check, module_source):
        assert "\n" not in refusal(use, text_of(rows))


@settings(deadline=None, max_examples=100)
@given(st.text(max_size=300))
def test_any_text_ends_in_a_report_or_in_one_line(text: str) -> None:
    assert "\n" not in refusal(check, text)


class Looked(dict[str, tuple[int, ...]]):
    """Names that count how often they are looked at."""

    looks = 0

    def __contains__(self, name: object) -> bool:
        self.looks += 1
        return super().__contains__(name)


def test_equal_labels_get_their_names_in_as_many_looks_as_there_are_rows() -> None:
    taken, numbered = Looked(), dict[str, int]()
    for _ in range(500):
        taken[unique_name("CONV 3x3", taken, numbered)] = ()
    assert list(taken)[-1] == "conv_500"
    assert taken.looks <= 2 * 500


def test_totals_of_totals_without_end_are_refused() -> None:
    rows: list[tuple[str, ...]] = [("Input", "(8,8,3)", "-", "0", "-"), *[("Total", "-", "-", "7", "-")] * 300]
    assert "300" in refusal(check, text_of(rows))


def test_a_table_that_determines_nothing_is_unknown() -> None:
    report = check(parse_table("layer\tparameters\nMystery\t5\nCONV\tmany\n"))
    assert [(str(cell.claimed), cell.holds, bool(cell.reason)) for cell in report.cells] == [
        ("5", None, False),
        ("many", None, True),
    ]


def test_a_table_without_a_claim_is_refused() -> None:
    with pytest.raises(ClaimError, match="no cell claims"):
        check(parse_table("layer\tparameters\nMystery\t-\n"))
