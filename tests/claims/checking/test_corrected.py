"""The table as it should be: checked again, nothing is wrong, and what was not wrong is as it was."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from convstudy.claims import parse_table, read_table
from convstudy.claims.checking import check, corrected_tables, written
from convstudy.errors import ClaimError
from tests.claims.checking.planted import Row, claims, networks, printed
from tests.claims.checking.test_homework import FOUND, HOMEWORK
from tests.conftest import Said


def corrected_text(text: str, suffix: str = ".tsv") -> str:
    table = parse_table(text)
    return written(corrected_tables(table, check(table)), Path(f"out{suffix}"))


@pytest.mark.parametrize("suffix", [".tsv", ".csv", ".md", ".MARKDOWN"])
def test_the_homework_as_it_should_be_holds(suffix: str) -> None:
    text = corrected_text(HOMEWORK, suffix)
    table = parse_table(text)
    report = check(table)
    assert report.wrong == ()
    assert len(report.cells) == 24
    parameters = {row.label: int(row.numbers["parameters"].value) for row in table.rows}
    assert {label: parameters[label] for label, *_ in FOUND} == {label: right for label, _, right, _ in FOUND}
    assert text.count("formula") == 1
    assert "(400 + 1)·120 = 48,120" in text


def test_the_formula_stands_beside_the_mended_cell() -> None:
    rows = [*csv.reader(corrected_text(HOMEWORK, ".csv").splitlines())]
    assert rows[0] == ["", "Activation shape", "Activation Size", "# parameters", "formula"]
    assert rows[2] == ["CONV1 (f=5, s=1)", "(28,28,8)", "6,272", "608", "(5·5·3 + 1)·8 = 608"]
    assert rows[3] == ["POOL1", "(14,14,8)", "1,568", "0", ""]


def test_cells_and_columns_that_are_not_checked_stay_as_they_are() -> None:
    text = (
        "layer;remark;output;params\nInput;from the | camera;32x32x3;\nCONV1 (f=5, s=1);a=b;28x28x8;208\nfoo;-;?;12?\n"
    )
    out = [*csv.reader(corrected_text(text, ".csv").splitlines())]
    assert [row[1] for row in out] == ["remark", "from the | camera", "a=b", "-"]
    assert out[2] == ["CONV1 (f=5, s=1)", "a=b", "28x28x8", "608", "(5·5·3 + 1)·8 = 608"]
    assert out[3] == ["foo", "-", "?", "12?", ""]
    assert parse_table(corrected_text(text, ".md")).rows[2].label == "foo"


@pytest.mark.parametrize(
    ("printed_shape", "right"),
    [("(32,32,8)", "(28,28,8)"), ("32 x 32 x 8", "28 x 28 x 8"), ("32×32×8", "28×28×8"),
     ("(7, 32, 32, 8)", "(7, 28, 28, 8)")],
)  # fmt: skip
def test_a_shape_is_mended_as_it_was_printed(printed_shape: str, right: str) -> None:
    batch = "7, " if printed_shape.startswith("(7") else ""
    text = (
        f"layer\tshape\nInput\t({batch}32, 32, 3)\nCONV1 (f=5, s=1, p=0)\t{printed_shape}\n"
        f"POOL1 (f=2, s=2)\t({batch}14, 14, 8)\nCONV2 (f=5, s=1, p=0)\t({batch}10, 10, 16)\n"
    )
    assert corrected_text(text).splitlines()[2].split("\t")[1] == right


def test_a_rounded_number_is_mended_in_its_unit() -> None:
    text = "layer\tshape\tparams (K)\nInput\t(32,32,3)\t0\nCONV1 (f=5, s=1)\t(28,28,8)\t0.21\n"
    assert corrected_text(text).splitlines()[2].split("\t")[2] == "0.61"


@settings(deadline=None, max_examples=15, suppress_health_check=[HealthCheck.too_slow])
@given(rows=networks(), data=st.data())
def test_planted_mistakes_are_undone(rows: list[Row], data: st.DataObject) -> None:
    right = claims(rows)
    numbers = [dict(each) for each in right]
    number = data.draw(st.sampled_from([n for n, row in enumerate(rows) if row.kind in {"conv", "dense"}]))
    numbers[number]["parameters"] -= rows[number].shape[0]
    table = printed(rows, numbers)
    assert len(check(table).wrong) == 1
    again = parse_table(written(corrected_tables(table, check(table)), Path("again.tsv")))
    assert [int(row.numbers["parameters"].value) for row in again.rows] == [each["parameters"] for each in right]
    assert [row.shape for row in again.rows] == [each["shape"] for each in right]
    assert check(again).wrong == ()


def test_every_table_of_a_file_is_written() -> None:
    one = "| layer | shape | params |\n|---|---|---|\n| Input | 8x8x3 | 0 |\n| CONV (f=3) | 6x6x4 | {} |\n"
    text = f"# First\n\n{one.format(40)}\n# Second\n\n{one.format(112)}"
    table = parse_table(corrected_text(text, ".md"))
    assert [each.title for each in (table, *table.others)] == ["First", "Second"]
    assert check(table).wrong == ()
    assert "formula" not in table.others[0].cells[0]
    assert "112" in corrected_text(text, ".csv")


def test_a_wrong_cell_without_a_column_is_reported() -> None:
    table = parse_table("layer\tshape\tparams\nInput\t8x8x3\t0\nCONV (f=3)\t6x6x4\t40\n")
    (found,) = corrected_tables(replace(table, places={"output_shape": 1}), check(table))
    assert [cell.correct for cell in found.unplaced] == [112]


def test_a_format_that_is_not_known_is_refused() -> None:
    with pytest.raises(ClaimError, match=r"\.tsv"):
        corrected_text(HOMEWORK, ".xlsx")


def test_the_command_writes_the_table_and_keeps_its_exit_status(convstudy: Callable[..., Said], tmp_path: Path) -> None:
    (tmp_path / "homework.tsv").write_text(HOMEWORK, encoding="utf-8")
    said = convstudy("check", "homework.tsv", "--corrected", "right.tsv", "--format", "json")
    assert said.status == 1
    assert json.loads(said.out)["wrong"] == 5
    assert "5" in said.err.split()
    assert check(read_table(tmp_path / "right.tsv")).wrong == ()
    assert convstudy("check", "right.tsv").status == 0
    refused = convstudy("check", "homework.tsv", "--corrected", "homework.tsv")
    assert refused.status == 2
    assert (tmp_path / "homework.tsv").read_text(encoding="utf-8") == HOMEWORK
    assert convstudy("check", "homework.tsv", "--corrected", "right.docx").status == 2


def test_a_vector_and_a_joined_shape_are_mended_in_their_form() -> None:
    rows = "layer\tshape\nInput\t(12,12,3)\nCONV1 (f=3, p=0)\t(10,10,16)\nPOOL1 (f=2, s=2)\t(5,5,16)\nflatten\t(25,1)\n"
    assert corrected_text(rows).splitlines()[4].split("\t")[1] == "(400,1)"
    axes = "layer,Output H,Output W,Output C,params\nInput,8,8,3,0\nCONV (f=3),6,6,4,40\n"
    assert [*csv.reader(corrected_text(axes, ".csv").splitlines())][2][1:3] == ["6x6x4", "112"]


@pytest.mark.parametrize("outputs", [False, True])
def test_a_shape_that_is_printed_as_the_input_of_the_next_row_is_mended_there(outputs: bool) -> None:
    rows = [
        ("layer", "in", "out", "params"),
        ("CONV1 (f=5, s=1)", "32x32x3", "29x29x8", "608"),
        ("POOL1 (f=2, s=2)", "29x29x8", "14x14x8", "0"),
        ("CONV2 (f=5, s=1)", "14x14x8", "10x10x16", "3216"),
    ]
    text = "\n".join("\t".join(cell for place, cell in enumerate(row) if outputs or place != 2) for row in rows)
    again = parse_table(corrected_text(text))
    assert check(again).wrong == ()
    assert [row.input_shape for row in again.rows] == [(3, 32, 32), (8, 28, 28), (8, 14, 14)]
    assert again.rows[0].shape == (8, 28, 28)


def test_an_input_of_the_next_row_that_is_another_shape_stays_as_it_is() -> None:
    text = (
        "layer\tinput shape\toutput shape\nCONV1 (f=5, s=1)\t32x32x3\t29x29x8\nPOOL1 (f=2, s=2)\t26x26x8\t14x14x8\n"
        "CONV2 (f=5, s=1)\t14x14x8\t10x10x16\n"
    )
    assert parse_table(corrected_text(text)).rows[1].input_shape == (8, 26, 26)
