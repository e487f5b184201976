"""What is right for every row, and for the sums."""

from __future__ import annotations

import pytest

from convstudy.claims import ClaimedTable, parse_table
from convstudy.claims.checking import check
from convstudy.claims.checking.describe import describe
from convstudy.claims.checking.facts import Facts, claimed_outputs, facts_of_layer, facts_of_table, total
from convstudy.claims.checking.layer import LayerSpec
from convstudy.claims.printed_shape import Shape

CONV = "CONV (8 filters, f=5, s=1, p=0)"


def table(*rows: str) -> ClaimedTable:
    return parse_table("\n".join(["layer\tshape\tsize\tparameters\tMACs", *rows]))


def facts(*rows: str) -> list[Facts]:
    return facts_of_table(describe(table(*rows)))


def test_a_layer_s_values_stand_with_their_formulas() -> None:
    values, formulas = facts_of_layer(LayerSpec("convolution", (3, 20, 40), channels=5, kernel=(5, 3), stride=(2, 1)))
    assert values == {"output_shape": (5, 8, 38), "activation_size": 1520, "parameters": 230, "macs": 68_400}
    assert formulas == {
        "output_shape": "⌊(20 + 2·0 − 5)/2⌋ + 1, ⌊(40 + 2·0 − 3)/1⌋ + 1",
        "activation_size": "8·38·5",
        "parameters": "(5·3·3 + 1)·5",
        "macs": "5·3·3·5·8·38",
    }
    assert facts_of_layer(LayerSpec("dense", (4,), channels=5))[1]["output_shape"] == "5"


def test_rows_that_are_not_known_have_the_size_of_their_shape() -> None:
    found = facts("Input\t(9,7,3)\t-\t-\t-", "Mystery\t(5,4,2)\t40\t-\t-", "Mystery\t-\t-\t-\t-")
    assert [(fact.layer, fact.correct, fact.formulas, fact.inputs, fact.described) for fact in found[1:]] == [
        (None, {"activation_size": 40}, {"activation_size": "5·4·2"}, (0,), 1),
        (None, {}, {}, (1,), 2),
    ]
    assert found[0].formulas["output_shape"] == "given"


@pytest.mark.parametrize(
    ("rows", "sums"),
    [
        (["Total\t-\t9,344\t608\t470,400"], {"activation_size": 3072 + 6272, "parameters": 608, "macs": 470_400}),
        (["Total\t-\t6,272\t-\t-"], {"activation_size": 6272}),  # without the input
        (["Total\t-\t6,273\t-\t-"], {"activation_size": 3072 + 6272}),
        (["Total\t-\t6.3K\t608\t-"], {"activation_size": 6272, "parameters": 608}),
        (["Total\t-\t-\t608\t-", "Total\t-\t-\t608\t-"], {"parameters": 608}),
        (["Mystery\t-\t-\t40\t-", "Total\t-\t-\t648\t-"], {"parameters": 648}),
        (["Mystery\t-\t-\t4.0K\t-", "Total\t-\t-\t648\t470,400"], {}),
        (["Mystery\t-\t-\t-\t-", "Total\t-\t6,272\t648\t-"], {}),
    ],
)  # fmt: skip
def test_a_total_is_the_sum_of_what_is_right_above_it(rows: list[str], sums: dict[str, int]) -> None:
    found = facts("Input\t(32,32,3)\t3,072\t0\t0", f"{CONV}\t(28,28,8)\t6,200\t600\t7", *rows)[-1]
    assert (found.correct, found.formulas) == (sums, dict.fromkeys(sums, "the sum of the rows"))
    assert (found.layer, found.inputs) == (None, ())


def test_a_sum_over_an_unknown_row_is_unknown() -> None:
    rows = facts("Input\t(32,32,3)\t-\t-\t-", f"{CONV}\t-\t-\t-\t-", "Mystery\t-\t-\t61K\t-", "Mystery\t-\t-\t7\t-")
    assert total(rows[:2], "parameters") == 608
    assert total(rows[:3], "parameters") is None
    assert total([rows[1], rows[3]], "parameters") == 615
    assert total(rows, "macs") is None


@pytest.mark.parametrize(
    ("rows", "outputs"),
    [
        ([f"{CONV}\t(30,30,8)", "pool (f=2, s=2, p=0)\t-"], [(8, 30, 30), (8, 15, 15)]),
        ([f"{CONV}\t-", "pool (f=2, s=2, p=0)\t-"], [(8, 28, 28), (8, 14, 14)]),
        ([f"{CONV}\t(784,1)", "pool (f=2, s=2, p=0)\t-"], [(784,), None]),  # a window fits no vector
        ([f"{CONV}\t(1,1,8)", "pool (f=2, s=2, p=0)\t-"], [(8, 1, 1), None]),  # nor a map smaller than itself
        ([f"{CONV}\t-", "Mystery\t-"], [(8, 28, 28), None]),
        ([f"{CONV}\t-", "Mystery\t(7,1)"], [(8, 28, 28), (7,)]),
    ],
)
def test_what_follows_from_the_claimed_shapes(rows: list[str], outputs: list[Shape | None]) -> None:
    assert claimed_outputs(facts("Input\t(32,32,3)\t-\t-\t-", *(f"{row}\t-\t-\t-" for row in rows)))[1:] == outputs


def test_the_shape_of_an_input_that_is_not_claimed_is_the_inferred_one() -> None:
    rows = parse_table("layer\tinput shape\tshape\nCONV f=5 s=1 p=0\t(20,20,3)\t(16,16,8)\nInput\t-\t-\n")
    assert claimed_outputs(facts_of_table(describe(rows))) == [(8, 16, 16), (3, 20, 20)]


def test_a_report_has_the_table_s_name_layout_and_notes() -> None:
    text = "layer\tshape\tparameters\nInput\t(32,32,3)\t0\nCONV (f=5, s=1)\t(28,28,6)\t608\n"
    report = check(parse_table(text, "claims.tsv"))
    assert (report.source, report.layout) == ("claims.tsv", "channels last")
    assert report.notes == (
        "shapes are read with channels last: the first two extents are the equal ones in 2 of 2 shapes",
        "CONV (f=5, s=1): padding 0 not stated, inferred from the shapes",
    )
