"""Tables within running text: lecture notes with sentences, formulas and a table between them."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from convstudy.claims import parse_table, read_number, read_table
from convstudy.claims.checking import check
from convstudy.errors import ClaimError
from tests.claims.checking.test_homework import FOUND

LECTURE = Path(__file__).parents[3] / "shared" / "reference" / "cnn-lecture.txt"
NOTES = r"""
# Week 4, small networks

A filter of side $f$ learns $f \cdot f \cdot c + 1$ numbers; with $\begin{bmatrix} a \\ b \end{bmatrix}$ as its input,
the shape, size and parameters of each layer follow.

## Exercise: is this table right?

{table}

Note: pooling learns nothing, but it makes the maps smaller. Sizes: 8, 4, 2.
- i. Deeper maps are smaller, with more channels
y = (	1 7	3
"""
ROWS = [
    ["layer", "Activation shape", "Activation size", "# parameters"],
    ["Input", "(12,12,3)", "— 432 a <sup>tol</sup>", "0"],
    ["CONV1 (f=3, s=1)", "(10,10,4)", "400", "40 ←"],
    ["POOL1 (f=2, s=2)", "(5,5,4)", "100", "0 ✓"],
    ["FC2", "(10,1)", "10", "1,010"],
]


@pytest.mark.parametrize("delimiter", ["\t", " | ", "    "])
def test_a_table_between_sentences_and_formulas_is_read_alone(delimiter: str) -> None:
    rows = [[cell.ljust(30) for cell in row] if delimiter.isspace() and delimiter != "\t" else row for row in ROWS]
    table = parse_table(NOTES.replace("{table}", "\n".join(delimiter.join(row) for row in rows)), "notes.txt")
    report = check(table)
    assert [row.label for row in table.rows] == [row[0] for row in ROWS[1:]]
    assert [(cell.row, cell.correct, cell.mistake) for cell in report.wrong] == [
        ("CONV1 (f=3, s=1)", 112, "input-channels-left-out")
    ]
    assert len(report.cells) == 12
    assert all(cell.holds is not None for cell in report.cells)
    assert table.title == "Exercise: is this table right?"


def test_the_text_below_a_table_is_not_a_layer() -> None:
    text = "\n".join("\t".join(row) for row in ROWS)
    alone = parse_table(text)
    followed = parse_table(f"My homework\n\n{text}\n\nI am not sure about the pooling layer.\nIt was late.\n")
    assert [row.label for row in followed.rows] == [row.label for row in alone.rows]


def test_every_table_of_a_text_is_read() -> None:
    text = "\n".join("\t".join(row) for row in ROWS)
    table = parse_table(f"{NOTES.replace('{table}', text)}\nAnd once more, with another kernel:\n\n{text}\n")
    assert [len(each.rows) for each in (table, *table.others)] == [4, 4]
    assert table.others[0].title == "And once more, with another kernel"


def test_a_name_of_a_group_of_layers_ends_no_table() -> None:
    for name in ("First block", "The second block of the whole network"):
        text = f"layer\tshape\tparameters\nInput\t(8,8,3)\t0\nBN\t(8,8,3)\t6\n{name}\nCONV (f=3)\t(6,6,4)\t112\n"
        assert [row.label for row in parse_table(text).rows] == ["Input", "BN", name, "CONV (f=3)"]


def test_a_long_text_of_headers_takes_no_minutes() -> None:
    line = "the shape of it, and a size, or parameters; " * 40
    words = "\n".join([line, "a shape, or a size, as words and no more, and so on and on and on"] * 4000)
    rows = "$x$\n" + "a shape\tits size, 1\n" * 9000
    for text in (words, rows):
        began = time.process_time()
        with pytest.raises(ClaimError):
            parse_table(text)
        assert time.process_time() - began < 5


def test_sentences_without_a_table_are_refused() -> None:
    with pytest.raises(ClaimError):
        parse_table(NOTES.replace("{table}", "There is none."))


@pytest.mark.parametrize(
    ("text", "value"),
    [("208 <", 208), ("0 ←", 0), ("416 🥌", 416), ("— 3,072 a <sup>tol</sup>", 3072), ("→ 12", 12), ("-5", -5)],
)
def test_a_mark_beside_a_number_is_no_part_of_it(text: str, value: int) -> None:
    number = read_number(text)
    assert number is not None
    assert number.value == value


@pytest.mark.parametrize("text", ["10<sup>6</sup> x", "3 apples", "4 + ?", "7 €5"])
def test_what_is_more_than_a_mark_is_not_dropped(text: str) -> None:
    with pytest.raises(ClaimError):
        read_number(text)


@pytest.mark.shared_data
def test_the_table_of_the_lecture_s_own_text() -> None:
    if not LECTURE.exists():
        pytest.skip("the lecture's text is not there")
    report = check(read_table(LECTURE))
    assert [(cell.row, cell.correct, cell.mistake) for cell in report.wrong] == [(r, c, m) for r, _, c, m in FOUND]
    assert len(report.cells) == 24
    assert all(cell.holds is not None for cell in report.cells)
