"""The lecture's homework: five wrong cells, each with its mistake; everything else holds."""

from pathlib import Path

import pytest

from convstudy.claims import parse_table, read_table
from convstudy.claims.checking import check

SHARED = Path(__file__).parents[4] / "shared" / "reference" / "homework.tsv"
HOMEWORK = """
\tActivation shape\tActivation Size\t# parameters
Input:\t(32,32,3)\t3,072\t0
CONV1 (f=5, s=1)\t(28,28,8)\t6,272\t208
POOL1\t(14,14,8)\t1,568\t0
CONV2 (f=5, s=1)\t(10,10,16)\t1,600\t416
POOL2\t(5,5,16)\t400\t0
FC3\t(120,1)\t120\t48,001
FC4\t(84,1)\t84\t10,081
Softmax\t(10,1)\t10\t841
"""
FOUND = [
    ("CONV1 (f=5, s=1)", 208, 608, "input-channels-left-out"),
    ("CONV2 (f=5, s=1)", 416, 3216, "input-channels-left-out"),
    ("FC3", 48_001, 48_120, "one-bias-for-the-layer"),
    ("FC4", 10_081, 10_164, "one-bias-for-the-layer"),
    ("Softmax", 841, 850, "one-bias-for-the-layer"),
]


def test_exactly_the_five_wrong_cells_are_found_and_named() -> None:
    report = check(parse_table(HOMEWORK, "homework.tsv"))
    found = report.to_json()
    wrong = [cell for cell in found["cells"] if not cell["holds"]]
    assert [(cell["row"], cell["claimed"], cell["correct"], cell["mistake"]) for cell in wrong] == FOUND
    assert {cell["column"] for cell in wrong} == {"# parameters"}
    assert (found["wrong"], found["passed_on"], found["unknown"], len(found["cells"])) == (5, 0, 0, 24)


def test_formulas_are_those_of_the_lecture() -> None:
    cells = {cell.row: cell for cell in check(parse_table(HOMEWORK)).wrong}
    assert cells["CONV1 (f=5, s=1)"].formula == "(5·5·3 + 1)·8 = 608"
    assert cells["FC3"].formula == "(400 + 1)·120 = 48,120"
    explanation = cells["CONV2 (f=5, s=1)"].explanation
    assert explanation is not None
    assert explanation.formula == "(5·5 + 1)·16 = 416"
    shape = next(cell for cell in check(parse_table(HOMEWORK)).cells if cell.row.startswith("CONV1"))
    assert shape.formula == "⌊(32 + 2·0 − 5)/1⌋ + 1 = (28,28,8)"


def test_padding_that_is_not_stated_is_said() -> None:
    notes = check(parse_table(HOMEWORK)).notes
    assert "CONV1 (f=5, s=1): padding 0 not stated, inferred from the shapes" in notes
    assert "POOL1: kernel 2×2, stride 2, padding 0 not stated, inferred from the shapes" in notes


@pytest.mark.shared_data
def test_the_lecture_s_own_file() -> None:
    if not SHARED.exists():
        pytest.skip("the lecture's homework.tsv is not there")
    report = check(read_table(SHARED))
    assert [(cell.row, cell.mistake) for cell in report.wrong] == [(row, mistake) for row, _, _, mistake in FOUND]
