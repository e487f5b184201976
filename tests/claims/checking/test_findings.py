"""What a check says of its cells: as JSON, as a table, and in print."""

from __future__ import annotations

import pytest

from convstudy.claims import parse_table
from convstudy.claims.checking import CheckReport, check
from convstudy.claims.checking.findings import plain
from convstudy.claims.printed_number import read_number
from tests.claims.checking.test_model import against, lecture

TABLE = """layer\tActivation shape\tparams
Input\t(32,32,3)\t0
CONV1 (8 filters, f=5, s=1, p=0)\t(30,28,8)\t208
BN\t-\t0.1K
FC\t(10,1)\t480
"""


@pytest.fixture(scope="module")
def report() -> CheckReport:
    return check(parse_table(TABLE, "claims.tsv"))


def test_a_cell_is_told_in_full(report: CheckReport) -> None:
    cells = {(cell["row"].split(" ")[0], cell["quantity"]): cell for cell in report.to_json()["cells"]}
    assert cells["CONV1", "parameters"] == {
        "row": "CONV1 (8 filters, f=5, s=1, p=0)",
        "column": "params",
        "quantity": "parameters",
        "claimed": 208,
        "correct": 608,
        "holds": False,
        "mistake": "input-channels-left-out",
        "formula": "(5·5·3 + 1)·8 = 608",
        "explanation": "each filter also runs over all input channels; here it has only one",
        "mistaken_formula": "(5·5 + 1)·8 = 208",
        "alternatives": ["product-slip"],
        "reason": None,
    }
    shape = cells["CONV1", "output_shape"]
    assert (shape["claimed"], shape["correct"], shape["column"]) == ([30, 28, 8], [28, 28, 8], "Activation shape")
    assert (shape["mistake"], shape["explanation"], shape["mistaken_formula"]) == (None, None, None)
    assert cells["BN", "parameters"]["claimed"] == "0.1K"
    assert cells["Input", "parameters"]["formula"] == "0"
    assert cells["FC", "parameters"]["holds"] is False


def test_a_mistake_without_a_formula_says_none() -> None:
    (cell,) = check(parse_table("layer\tshape\tparams\nInput\t(4,1)\t-\nFC\t(10,1)\t500\n")).to_json()["cells"][2:]
    assert (cell["mistake"], cell["mistaken_formula"], cell["alternatives"]) == ("zero-slip", None, ["digit-lost"])


def test_a_report_is_told_in_full(report: CheckReport) -> None:
    told = report.to_json()
    assert {name: told[name] for name in told if name != "cells"} == {
        "table": "claims.tsv",
        "wrong": 4,
        "passed_on": 0,
        "unknown": 0,
        "notes": ["shapes are read with channels last: the first shape ends with 3 channels"],
    }
    assert len(told["cells"]) == len(report.cells) == 7


def test_a_report_prints_its_wrong_cells(report: CheckReport) -> None:
    head, *lines = str(report).splitlines()
    assert head.split() == ["row", "column", "claimed", "correct", "mistake", "formula"]
    assert len(lines) == len(report.wrong)
    assert lines[1].split()[0] == "CONV1"
    holds = check(parse_table("layer\tshape\tparams\nInput\t(4,1)\t0\nFC\t(10,1)\t50\n", "right.tsv"))
    assert str(holds) == "right.tsv: every claim holds"


def test_a_report_in_a_notebook_has_a_line_for_every_cell(report: CheckReport) -> None:
    html = report._repr_html_()
    assert html.count("<tr") == 1 + len(report.cells)
    assert "<th>0</th>" not in html


def test_values_are_plain_json() -> None:
    exact, rounded = read_number("48,120"), read_number("48.1K")
    assert plain(exact, "channels last") == 48_120
    assert plain(rounded, "channels last") == "48.1K"
    assert plain((8, 28, 30), "channels last") == [28, 30, 8]
    assert plain((8, 28, 30), "channels first") == [8, 28, 30]
    assert plain(7, "channels last") == 7
    assert plain(None, "channels last") is None


def test_what_the_model_does_not_know_has_no_formula() -> None:
    report = against("layer\tshape\tsize\tparameters\nInput\t(32,32,3)\t3,072\t0\nBlock\t-\t7\t7\n", lecture())
    assert [(cell.holds, cell.formula) for cell in report.cells] == [
        (None, ""), (True, ""), (True, ""), (None, ""), (None, "")
    ]  # fmt: skip


def test_a_number_is_not_said_twice() -> None:
    cells = check(parse_table("layer\tshape\tsize\nInput\t(9,9,1024)\t-\nglobal pool\t(1024,1)\t1,024\n")).cells
    assert [cell.formula for cell in cells[1:]] == ["1024 = (1024)", "1,024"]
