"""Printouts of Keras, torchinfo and torchsummary, made by these tools, held against their own consequences."""

from __future__ import annotations

from pathlib import Path

import pytest

from convstudy.claims import parse_table, read_table
from convstudy.claims.checking import check

PRINTOUTS = Path(__file__).parents[1] / "printouts"


@pytest.mark.parametrize(
    "name",
    ["keras2", "keras3", "keras3_residual", "torchinfo", "torchinfo_resnet18", "torchsummary", "torchsummary_resnet18"],
)  # fmt: skip
def test_what_the_tools_print_holds(name: str) -> None:
    report = check(read_table(PRINTOUTS / f"{name}.txt"))
    assert [(cell.row, cell.quantity, cell.mistake) for cell in report.wrong] == []
    assert sum(cell.holds is True for cell in report.cells) >= 0.85 * len(report.cells)


def test_torchinfo_counts_biases_as_multiply_adds() -> None:
    report = check(read_table(PRINTOUTS / "torchinfo_columns.txt"))
    assert report.wrong == ()
    assert any("Mult-Adds" in note and "biases" in note for note in report.notes)
    counted = [cell.correct for cell in report.cells if cell.quantity == "macs" and cell.correct]
    assert counted == [476_672, 321_600, 48_120, 10_164, 850]


@pytest.mark.parametrize(
    ("name", "printed", "changed", "mistake"),
    [
        ("keras3", "3,216", "  416", "input-channels-left-out"),
        ("torchinfo", "  48,120", "  48,001", "one-bias-for-the-layer"),
        ("torchsummary", "5, 5]               0", "5, 5]              80", "pooling-given-parameters"),
        ("torchsummary_resnet18", "BatchNorm2d-2         [-1, 64, 112, 112]             128",
         "BatchNorm2d-2         [-1, 64, 112, 112]             256", "statistics-counted-as-parameters"),
        ("keras3_residual", " 64 │ conv2d_2", " 32 │ conv2d_2", "statistics-left-out"),
    ],
)  # fmt: skip
def test_a_number_changed_in_a_printout_is_found(name: str, printed: str, changed: str, mistake: str) -> None:
    text = (PRINTOUTS / f"{name}.txt").read_text(encoding="utf-8")
    assert printed in text
    cells = check(parse_table(text.replace(printed, changed, 1))).wrong
    assert [cell.mistake for cell in cells if cell.row != "Total"] == [mistake]
