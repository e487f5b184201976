"""The mistake behind each wrong cell, and its formula."""

from __future__ import annotations

import pytest
from torch import nn

from convstudy.claims import parse_table
from convstudy.claims.checking import check
from convstudy.claims.checking.findings import CheckedCell
from convstudy.claims.checking.search import FARTHEST_EXCHANGE, MOST_SIZED_ROWS, agrees, thousands_in_unit
from convstudy.claims.printed_number import read_number
from tests.claims.checking.test_model import against

Found = list[tuple[str, str, str, str]]
INPUT = "Input\t(32,32,3)\t3,072\t0\t-"
CONV = "CONV1 (8 filters, f=5, s=1, p=0)"  # 28·28·8 = 6,272 values, 608 parameters, 470,400 multiply-accumulates
RIGHT = f"{CONV}\t(28,28,8)\t6,272\t608\t470,400"
FOUR = "Input\t(4,1)\t-\t-\t-"
POOL = "POOL1 (f=2, s=2, p=0)"
SHORTCUT = "shortcut conv (16 filters, f=1, s=1, p=0)\t(28,28,16)\t12,544\t144\t100,352"
OTHER = "CONV2 (16 filters, f=5, s=1, p=0)"  # on 28·28·8: 24·24·16 = 9,216 values, (5·5·8 + 1)·16 = 3,216 parameters


def wrong(*rows: str) -> list[CheckedCell]:
    return list(check(parse_table("\n".join(["layer\tshape\tsize\tparameters\tMACs", *rows]))).wrong)


def found_in(cells: list[CheckedCell]) -> Found:
    """Return each wrong cell with its first explanation."""
    short = {"output_shape": "shape", "activation_size": "size"}
    return [
        (
            cell.row.split(" ")[0],
            short.get(cell.quantity, cell.quantity),
            cell.explanation.mistake if cell.explanation else "",
            cell.explanation.formula if cell.explanation else "",
        )
        for cell in cells
    ]


def names(cell: CheckedCell) -> list[str]:
    """All mistakes that give the claimed value, the likeliest first."""
    return [made.mistake for made in (cell.explanation, *cell.alternatives) if made]


PASSED_ON: dict[str, tuple[list[str], Found]] = {
    "its own shape": (
        [INPUT, f"{CONV}\t(28,28,6)\t4,704\t456\t352,800"],
        [
            ("CONV1", "shape", "digit-wrong", ""),
            ("CONV1", "size", "passed-on", "28·28·6"),
            ("CONV1", "parameters", "passed-on", "(5·5·3 + 1)·6"),
            ("CONV1", "macs", "passed-on", "5·5·3·6·28·28"),
        ],
    ),
    "the shape above": (
        [INPUT, f"{CONV}\t(30,30,8)\t7,200\t608\t540,000", f"{POOL}\t(15,15,8)\t1,800\t0\t-",
         "FC3\t(10,1)\t10\t18,010\t18,000"],
        [
            ("CONV1", "shape", "", ""),
            ("CONV1", "size", "passed-on", "30·30·8"),
            ("CONV1", "macs", "passed-on", "5·5·3·8·30·30"),
            ("POOL1", "shape", "passed-on", "⌊(30 + 2·0 − 2)/2⌋ + 1"),
            ("POOL1", "size", "passed-on", "15·15·8"),
            ("FC3", "parameters", "passed-on", "(1800 + 1)·10"),
            ("FC3", "macs", "passed-on", "1800·10"),
        ],
    ),
    "a shape that follows from the claim above it": (
        [INPUT, f"{CONV}\t(30,30,8)\t7,200\t608\t540,000", f"{POOL}\t-\t1,568\t0\t-",
         "FC3\t(10,1)\t10\t18,010\t18,000"],
        [
            ("CONV1", "shape", "", ""),
            ("CONV1", "size", "passed-on", "30·30·8"),
            ("CONV1", "macs", "passed-on", "5·5·3·8·30·30"),
            ("FC3", "parameters", "passed-on", "(1800 + 1)·10"),
            ("FC3", "macs", "passed-on", "1800·10"),
        ],
    ),
    "the shape above, and its own": (
        [INPUT, f"{CONV}\t(30,30,8)\t7,200\t608\t540,000", f"{OTHER}\t(20,20,15)\t6,000\t3,015\t1,200,000"],
        [
            ("CONV1", "shape", "", ""),
            ("CONV1", "size", "passed-on", "30·30·8"),
            ("CONV1", "macs", "passed-on", "5·5·3·8·30·30"),
            ("CONV2", "shape", "", ""),
            ("CONV2", "size", "passed-on", "20·20·15"),
            ("CONV2", "parameters", "passed-on", "(5·5·8 + 1)·15"),
            ("CONV2", "macs", "passed-on", "5·5·8·15·20·20"),
        ],
    ),
    "channels of the row above and a shape of its own": (
        [INPUT, f"{CONV}\t(28,28,6)\t4,704\t456\t352,800", f"{OTHER}\t(20,20,15)\t6,000\t2,265\t900,000"],
        [
            ("CONV1", "shape", "digit-wrong", ""),
            ("CONV1", "size", "passed-on", "28·28·6"),
            ("CONV1", "parameters", "passed-on", "(5·5·3 + 1)·6"),
            ("CONV1", "macs", "passed-on", "5·5·3·6·28·28"),
            ("CONV2", "shape", "", ""),
            ("CONV2", "size", "passed-on", "20·20·15"),
            ("CONV2", "parameters", "passed-on", "(5·5·6 + 1)·15"),
            ("CONV2", "macs", "passed-on", "5·5·6·15·20·20"),
        ],
    ),
    "a mistake on top": (
        [INPUT, f"{CONV}\t-\t-\t-\t-", f"{POOL}\t(15,14,8)\t1,680\t-\t-", "FC3\t(10,1)\t10\t16,801\t33,600"],
        [
            ("POOL1", "shape", "digit-wrong", ""),
            ("POOL1", "size", "passed-on", "15·14·8"),
            ("FC3", "parameters", "one-bias-for-the-layer", "1680·10 + 1 = 16,801"),
            ("FC3", "macs", "flops-for-macs", "2·1680·10 = 33,600"),
        ],
    ),
    "the size above": (
        [INPUT, f"{CONV}\t(28,28,8)\t6,000\t608\t-", "FC3\t(10,1)\t10\t60,010\t-"],
        [
            ("CONV1", "size", "", ""),
            ("FC3", "parameters", "passed-on", "(6000 + 1)·10"),
        ],
    ),
    "the smallest size above": (
        [INPUT, f"{CONV}\t(28,28,8)\t1\t608\t-", "FC3\t(10,1)\t10\t20\t-"],
        [
            ("CONV1", "size", "", ""),
            ("FC3", "parameters", "passed-on", "(1 + 1)·10"),
        ],
    ),
    "no size above": (
        [INPUT, f"{CONV}\t(28,28,8)\t0\t608\t-", "FC3\t(10,1)\t10\t10\t-"],
        [
            ("CONV1", "size", "left-at-zero", ""),
            ("FC3", "parameters", "", ""),
        ],
    ),
    "a shape with the channels of a depthwise convolution": (
        ["Input\t(32,32,4)\t-\t-\t-", "depthwise conv (f=3, s=1, p=0)\t(28,28,4)\t3,136\t40\t28,224",
         "FC3\t(10,1)\t10\t-\t31,360"],
        [
            ("depthwise", "shape", "", ""),
            ("depthwise", "size", "passed-on", "28·28·4"),
            ("depthwise", "macs", "passed-on", "3·3·1·4·28·28"),
            ("FC3", "macs", "passed-on", "3136·10"),
        ],
    ),
    "the claimed channels of a depthwise convolution": (
        ["Input\t(32,32,4)\t-\t-\t-", "depthwise conv (4 filters, f=3, s=1, p=0)\t(30,30,6)\t5,400\t60\t48,600"],
        [
            ("depthwise", "shape", "digit-wrong", ""),
            ("depthwise", "size", "passed-on", "30·30·6"),
            ("depthwise", "parameters", "passed-on", "(3·3·1 + 1)·6"),
            ("depthwise", "macs", "passed-on", "3·3·1·6·30·30"),
        ],
    ),
    "a sum of claims": (
        [INPUT, f"{CONV}\t(28,28,8)\t6,272\t208\t-", "Total\t-\t-\t208\t-"],
        [
            ("CONV1", "parameters", "input-channels-left-out", "(5·5 + 1)·8 = 208"),
            ("Total", "parameters", "passed-on",
             "the sum of the claims"),
        ],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("rows", "found"), PASSED_ON.values(), ids=PASSED_ON)
def test_what_follows_from_a_wrong_claim_is_said_with_it(rows: list[str], found: Found) -> None:
    assert found_in(wrong(*rows)) == found


SAME = "this value and that of {!r} are exchanged"
PEN: dict[str, tuple[list[str], Found]] = {
    "axes": (
        [INPUT, f"{CONV}\t(8,28,28)\t6,272\t608\t-", "FC3\t(10,1)\t10\t62,730\t-", "FC4\t(10,1)\t10\t110\t-"],
        [("CONV1", "shape", "axes-exchanged",
          "")],
    ),
    "columns": (
        [INPUT, f"{CONV}\t(28,28,8)\t608\t6,272\t-"],
        [
            ("CONV1", "size", "columns-exchanged", ""),
            ("CONV1", "parameters", "columns-exchanged", ""),
        ],
    ),
    "rows": (
        [INPUT, f"{CONV}\t(28,28,8)\t6,272\t3,216\t-", f"{OTHER}\t(24,24,16)\t9,216\t608\t-"],
        [
            ("CONV1", "parameters", "rows-exchanged", ""),
            ("CONV2", "parameters", "rows-exchanged", ""),
        ],
    ),
    "zeros": (
        [INPUT, f"{CONV}\t(28,28,8)\t6,272\t0\t0"],
        [
            ("CONV1", "parameters", "left-at-zero", ""),
            ("CONV1", "macs", "left-at-zero", ""),
        ],
    ),
    "copied from above": (
        [INPUT, RIGHT, f"{OTHER}\t(24,24,16)\t9,216\t608\t-"],
        [("CONV2", "parameters", "copied-from-another-row", "")],
    ),
    "copied from below": (
        [INPUT, f"{CONV}\t(28,28,8)\t6,272\t3,216\t-", f"{OTHER}\t(24,24,16)\t9,216\t3,216\t-"],
        [("CONV1", "parameters", "copied-from-another-row", "")],
    ),
    "slips": (
        [INPUT, f"{CONV}\t(28,28,8)\t6,272\t618\t-", f"{OTHER}\t(25,25,16)\t9,261\t3,126\t-"],
        [
            ("CONV1", "parameters", "product-slip", ""),
            ("CONV2", "shape", "digit-wrong", ""),
            ("CONV2", "size", "digits-exchanged", ""),
            ("CONV2", "parameters", "digits-exchanged", ""),
        ],
    ),
    "two different slips in a shape": ([INPUT, f"{CONV}\t(29,18,8)\t-\t-\t-"], [("CONV1", "shape", "", "")]),
    "a number that is not exact": (
        ["Input\t(59,1)\t-\t-\t-", "FC1\t(10,1)\t10\t6.0K\t-"], [("FC1", "parameters", "", "")]
    ),
    "thousands of units": (
        [FOUR, "FC1\t(1000,1)\t-\t5,120\t-", "FC2\t(10,1)\t-\t10,250\t-", "FC3\t(1024,1)\t-\t11,000\t-"],
        [
            ("FC1", "shape", "1024-for-1000", ""),
            ("FC3", "parameters", "1024-for-1000", ""),
        ],
    ),
    "thousands of features": (
        [FOUR, "FC1\t(1000,1)\t-\t5,000\t-", "FC2\t(10,1)\t-\t10,250\t-", "FC3\t(1000,1)\t-\t11,264\t-"],
        [
            ("FC2", "parameters", "1024-for-1000", ""),
            ("FC3", "parameters", "1024-for-1000", ""),
        ],
    ),
    "a thousand features": (
        [FOUR, "FC1\t(1024,1)\t-\t5,120\t-", "FC2\t(10,1)\t-\t10,010\t-"],
        [("FC2", "parameters", "1024-for-1000", "")],
    ),
    "neither a thousand units nor 1,024": (
        [FOUR, "FC1\t(1000,1)\t-\t5,077\t-"], [("FC1", "parameters", "", "")]
    ),
    "printed thousands": (
        [FOUR, "FC1\t(1000,1)\t-\t4.88K\t-", "FC2\t(10,1)\t-\t10.25K\t-"],
        [
            ("FC1", "parameters", "1024-for-1000", ""),
            ("FC2", "parameters", "1024-for-1000", ""),
        ],
    ),
    "a pooling that is given parameters": (
        [INPUT, RIGHT, f"{POOL}\t(14,14,8)\t1,568\t7\t-", "global pool\t(8,1)\t8\t7\t-"],
        [
            ("POOL1", "parameters", "pooling-given-parameters", ""),
            ("global", "parameters", "pooling-given-parameters", ""),
        ],
    ),
    "a layer that learns nothing": (
        [INPUT, RIGHT, "ReLU\t(28,28,8)\t6,272\t7\t-", "flatten\t(6272,1)\t6,272\t-\t9"],
        [
            ("ReLU", "parameters", "parameters-where-there-are-none", ""),
            ("flatten", "macs", "", ""),
        ],
    ),
    "the map above the pooling": (
        [INPUT, RIGHT, f"{POOL}\t(14,14,8)\t1,568\t0\t-", "FC3\t(10,1)\t10\t62,730\t62,720"],
        [
            ("FC3", "parameters", "flatten-mistaken",
             "(6272 + 1)·10 = 62,730"),
            ("FC3", "macs", "flatten-mistaken",
             "6272·10 = 62,720"),
        ],
    ),
    "a convolution that is fed with the map above the pooling": (
        [INPUT, RIGHT, f"{POOL}\t(14,14,8)\t1,568\t0\t-", f"{OTHER}\t(10,10,16)\t9,216\t3,216\t-"],
        [("CONV2", "size", "", "")],
    ),
    "an input and a convolution": (
        ["Input\t(32,32,3)\t6,272\t-\t-", f"{CONV}\t(28,28,8)\t3,072\t608\t-"],
        [
            ("Input", "size", "rows-exchanged", ""),
            ("CONV1", "size", "rows-exchanged", ""),
        ],
    ),
    "a window that is fed with a vector": (
        [INPUT, f"{CONV}\t(784,1)\t-\t-\t-", f"{POOL}\t-\t9\t-\t-", "FC3\t(10,1)\t-\t9\t-"],
        [
            ("CONV1", "shape", "", ""),
            ("POOL1", "size", "", ""),
            ("FC3", "parameters", "", ""),
        ],
    ),
    "an activation that is fed with a vector": (
        [INPUT, f"{CONV}\t(785,1)\t-\t-\t-", "ReLU\t-\t785\t-\t-"],
        [
            ("CONV1", "shape", "", ""),
            ("ReLU", "size", "passed-on", "785"),
        ],
    ),
    "a map flattened wrongly": (
        [INPUT, RIGHT, "flatten\t(6272,1)\t6,272\t-\t-", "FC3\t(10,1)\t10\t7,850\t-"],
        [("FC3", "parameters", "flatten-mistaken",
          "(28·28 + 1)·10 = 7,850")],
    ),
    "another input": (
        ["Input\t(100,100,3)\t30,000\t-\t-", f"{CONV}\t-\t6,272\t608\t470,400", f"{POOL}\t-\t1,568\t-\t-",
         "FC3\t(10,1)\t-\t15,690\t-"],
        [
            ("CONV1", "size", "another-input-size", "28·28·8"),
            ("CONV1", "macs", "another-input-size", "5·5·3·8·28·28"),
            ("POOL1", "size", "another-input-size", "14·14·8"),
            ("FC3", "parameters", "passed-on", "(1568 + 1)·10"),
        ],
    ),
    "another, oblong input": (
        ["Input\t(100,80,3)\t3,072\t-\t-", f"{CONV}\t-\t6,272\t-\t-"],
        [
            ("Input", "size", "another-input-size", "32·32·3"),
            ("CONV1", "size", "another-input-size", "28·28·8"),
        ],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("rows", "found"), PEN.values(), ids=PEN)
def test_a_mistake_is_said_in_full(rows: list[str], found: Found) -> None:
    assert found_in(wrong(*rows)) == found


BN = "BN\t(28,28,8)\t6,272\t16\t0"
TOTALS: dict[str, tuple[list[str], Found]] = {
    "side branches left out": (
        [RIGHT, SHORTCUT, "Total\t-\t9,344\t608\t470,400"],
        [
            ("Total", "size", "side-branches-left-out", ""),
            ("Total", "parameters", "side-branches-left-out", ""),
            ("Total", "macs", "side-branches-left-out", ""),
        ],
    ),
    "side branches left out in one column": (
        [RIGHT, SHORTCUT, "Total\t-\t21,888\t608\t-"],
        [("Total", "parameters", "side-branches-in-one-column", "")],
    ),
    "two side branches": (
        [RIGHT, SHORTCUT, SHORTCUT.replace("12,544\t144\t100,352", "12,544\t272\t200,704"), "Total\t-\t-\t608\t-"],
        [("Total", "parameters", "side-branches-left-out", "")],
    ),
    "biases": ([RIGHT, BN, "Total\t-\t-\t616\t-"], [("Total", "parameters", "bias-left-out", "")]),
    "biases of a dense layer": (  # 470 = 448 + 22 weights, without 7 + 2 biases
        ["Input\t(8,8,1)\t-\t-\t-", "FC1\t(7,1)\t-\t455\t-", "FC2 no bias\t(2,1)\t-\t14\t-", "Total\t-\t-\t462\t-"],
        [("Total", "parameters", "bias-left-out", "")],
    ),
    "statistics": (
        [RIGHT, BN, "Total\t-\t-\t640\t-"],
        [("Total", "parameters", "statistics-counted-as-parameters", "")],
    ),
    "operations": ([RIGHT, "Total\t-\t-\t-\t940,800"], [("Total", "macs", "flops-for-macs", "2·470400")]),
    "twice the parameters": ([RIGHT, "Total\t-\t-\t1,216\t-"], [("Total", "parameters", "", "")]),
    "thousands": (
        [RIGHT, BN, "Total\t-\t-\t-\t459.4K"],
        [("Total", "macs", "1024-for-1000", "")],
    ),
    "a row": (
        [RIGHT, SHORTCUT.replace("shortcut ", ""), "Total\t-\t15,616\t608\t100,352"],
        [
            ("Total", "size", "row-left-out", "21888 − 6272"),
            ("Total", "parameters", "row-left-out", "752 − 144"),
            ("Total", "macs", "row-left-out", "570752 − 470400"),
        ],
    ),
    "a slip": ([RIGHT, "Total\t-\t-\t618\t-"], [("Total", "parameters", "digit-wrong", "")]),
    "two totals": (
        [RIGHT, "Total\t-\t-\t608\t-", "Total\t-\t-\t1,216\t-"], [("Total", "parameters", "", "")]
    ),
}  # fmt: skip


@pytest.mark.parametrize(("rows", "found"), TOTALS.values(), ids=TOTALS)
def test_a_wrong_sum_is_said_in_full(rows: list[str], found: Found) -> None:
    first = [] if rows[0].startswith("Input") else [INPUT]
    assert found_in(wrong(*first, *rows)) == found


def test_every_mistake_that_gives_the_number_is_offered_once_and_the_likeliest_first() -> None:
    (conv, other) = wrong(INPUT, f"{CONV}\t(28,28,8)\t6,272\t3,216\t-", f"{OTHER}\t(24,24,16)\t9,216\t608\t-")
    assert names(conv) == names(other) == ["rows-exchanged", "copied-from-another-row"]
    one, other = wrong(INPUT, f"{CONV}\t(28,28,8)\t6,272\t3,216\t-", f"{OTHER}\t(24,24,16)\t9,216\t999\t-")
    assert (names(one), names(other)) == (["copied-from-another-row"], [])
    one, other = wrong(INPUT, f"{CONV}\t(28,28,8)\t6,272\t999\t-", f"{OTHER}\t(24,24,16)\t9,216\t608\t-")
    assert (names(one), names(other)) == ([], ["copied-from-another-row"])
    (first,) = wrong(INPUT, f"{CONV}\t(28,28,8)\t3,072\t608\t-")
    assert names(first) == ["input-for-output", "copied-from-another-row"]
    (size,) = wrong(INPUT, RIGHT, f"{OTHER}\t(24,24,16)\t6,272\t-\t-")
    assert names(size) == ["input-for-output", "copied-from-another-row"]
    slipped = wrong(INPUT, f"{CONV}\t(28,28,8)\t6,272\t618\t-", f"{OTHER}\t(24,24,16)\t9,216\t3,126\t-")
    assert [names(cell) for cell in slipped] == [["product-slip"], ["digits-exchanged", "product-slip"]]


def test_rows_far_apart_are_not_exchanged() -> None:
    def exchanged(between: int) -> list[str | None]:
        middle = ["ReLU\t(28,28,8)\t6,272\t0\t-"] * (between - 1)
        cells = wrong(INPUT, f"{CONV}\t(28,28,8)\t6,272\t3,216\t-", *middle, f"{OTHER}\t(24,24,16)\t9,216\t608\t-")
        return [cell.mistake for cell in cells]

    assert exchanged(FARTHEST_EXCHANGE) == ["rows-exchanged"] * 2
    assert exchanged(FARTHEST_EXCHANGE + 1) == [None, None]


def test_the_nearest_of_two_exchanged_rows_is_named() -> None:
    twice = f"{OTHER}\t(24,24,16)\t9,216\t608\t-"
    same = f"{OTHER.replace('CONV2', 'CONV0').replace('16 f', '8 f').replace('f=5', 'f=1')}\t(24,24,8)\t4,608\t136\t-"
    (cell, _) = wrong(INPUT, f"{CONV}\t(28,28,8)\t6,272\t3,216\t-", twice, same)
    assert cell.explanation is not None
    assert cell.explanation.sentence == SAME.format(OTHER)


def test_the_nearest_row_may_stand_below() -> None:
    """Three convolutions on 8 channels: 8·(8 + 1) = 72 parameters, 8·(5·5·8 + 1) = 1,608, and 72 again."""
    far, near = "far conv (8 filters, f=1, s=1, p=0)", "near conv (8 filters, f=1, s=1, p=0)"
    one, middle, other = wrong(
        "Input\t(32,32,8)\t-\t-\t-", f"{far}\t(32,32,8)\t-\t1,608\t-", "ReLU\t(32,32,8)\t-\t-\t-",
        f"{CONV}\t(28,28,8)\t-\t72\t-", f"{near}\t(28,28,8)\t-\t1,608\t-",
    )  # fmt: skip
    assert [cell.explanation.sentence for cell in (one, middle, other) if cell.explanation] == [
        SAME.format(CONV), SAME.format(near), SAME.format(CONV)
    ]  # fmt: skip


def test_another_input_is_tried_on_short_networks() -> None:
    def found(rows: int) -> str | None:
        relus = ["ReLU\t-\t-\t-\t-"] * (rows - 2)
        return wrong("Input\t(100,100,3)\t30,000\t-\t-", f"{CONV}\t-\t6,272\t-\t-", *relus)[0].mistake

    assert found(MOST_SIZED_ROWS) == "another-input-size"
    assert found(MOST_SIZED_ROWS + 1) is None
    assert wrong("Input\t(4,1)\t-\t-\t-", "FC\t(10,1)\t-\t77\t-")[0].mistake is None


@pytest.mark.parametrize(
    ("claimed", "right", "sentences"),
    [
        ("61.5K", 62_958, ["K is 1,000, not 1,024: this is 62,958/1024"]),
        ("64.5K", 62_958, ["1,024 is taken for 1,000"]),
        ("60.0M", 62_958_000, ["K is 1,000, not 1,024: this is 62,958,000/1024²"]),
        ("66.0M", 62_958_000, ["1,024 is taken for 1,000"]),
        ("3.54G", 3_800_000_000, ["K is 1,000, not 1,024: this is 3,800,000,000/1024³"]),
        ("4.08G", 3_800_000_000, ["1,024 is taken for 1,000"]),
        ("61,500", 62_958, []),
        ("63.0K", 62_958, []),
    ],
)
def test_1024_for_1000_in_a_printed_unit(claimed: str, right: int, sentences: list[str]) -> None:
    number = read_number(claimed)
    assert number is not None
    made = list(thousands_in_unit(number, right))
    assert [explanation.sentence for explanation in made] == sentences
    assert {explanation.mistake for explanation in made} <= {"1024-for-1000"}


def test_a_shape_is_no_number() -> None:
    number = read_number("400")
    assert number is not None
    assert agrees(number, 400)
    assert not agrees(number, (400,))
    assert agrees((400, 1, 1), (400,))
    assert not agrees((400,), 400)
    assert not agrees((400,), None)


def test_a_total_that_leaves_out_the_model_s_other_layers_is_no_side_branch() -> None:
    network = nn.Sequential(nn.Conv2d(3, 8, 5), nn.Conv2d(8, 16, 5), nn.Conv2d(16, 16, 1))
    _, cell = against("layer\tparameters\nfirst (conv)\t999\nTotal\t608\n", network).wrong
    assert (cell.correct, names(cell)) == (608 + 3216 + 272, [])


def test_a_wrong_shape_is_passed_on_by_any_branch() -> None:
    cells = check(parse_table("\n".join([
        "Layer (type)              Output Shape            Param #     Connected to",
        "input (InputLayer)        (None, 8, 8, 4)         0           -",
        "a (Conv2D 1x1 4 filters)  (None, 8, 8, 4)         20          input[0][0]",
        "b (Conv2D 1x1 4 filters)  (None, 9, 9, 4)         20          input[0][0]",
        "add (Add)                 (None, 9, 9, 4)         0           a[0][0], b[0][0]",
    ]))).wrong  # fmt: skip
    assert [(cell.row, cell.mistake) for cell in cells] == [
        ("b (Conv2D 1x1 4 filters)", "digit-wrong"),
        ("add (Add)", "passed-on"),
    ]
