"""The quiz: what is planted is found and named, and what is not planted is right, as torch counts it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from math import prod
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn

from convstudy.claims import ClaimedTable, parse_table, read_table
from convstudy.claims.checking import check, quiz
from convstudy.claims.checking.practice import COLUMNS, random_network
from convstudy.errors import ClaimError
from tests.claims.checking.planted import counted
from tests.conftest import Said

Convstudy = Callable[..., Said]
SEEDS = st.integers(0, 10**9)
QUICK = settings(deadline=None, max_examples=12, suppress_health_check=[HealthCheck.too_slow])


def by_torch(table: ClaimedTable) -> dict[tuple[str, str], object]:
    """The right cells of a quiz's table, from its labels and the units of the dense layers alone."""
    right: dict[tuple[str, str], object] = {}
    shape = table.rows[0].shape
    assert shape is not None
    for row in table.rows:
        parameters = 0
        if setting := re.match(r"(CONV|POOL)\d \(f=(\d+), s=(\d+)(?:, p=(\d+))?\)", row.label):
            kind, kernel, stride, padding = setting[1], int(setting[2]), int(setting[3]), int(setting[4] or 0)
            claimed = channels[row.label]
            module = (
                nn.Conv2d(shape[0], claimed, kernel, stride, padding)
                if kind == "CONV"
                else nn.MaxPool2d(kernel, stride)
            )
            found = counted(row.label, module, shape)
            shape, parameters = found.shape, found.parameters
        elif row.label != "Input":
            found = counted(row.label, nn.Sequential(nn.Flatten(), nn.Linear(prod(shape), channels[row.label])), shape)
            shape, parameters = found.shape, found.parameters
        for quantity, value in zip(COLUMNS, (shape, prod(shape), parameters), strict=True):
            right[row.label, quantity] = value
    return right


channels: dict[str, int] = {}


@QUICK
@given(seed=SEEDS, mistakes=st.integers(1, 5))
def test_planted_mistakes_are_found_and_named_and_no_other_cell_is_accused(seed: int, mistakes: int) -> None:
    made = quiz(seed, mistakes)
    table = parse_table(made.text(Path("quiz.md")))
    report = check(table)
    assert sorted((cell.row, cell.quantity, cell.mistake) for cell in report.wrong) == sorted(made.planted)
    assert len({row for row, *_ in made.planted}) == len(made.planted) == mistakes
    assert all(cell.holds is not None for cell in report.cells)
    channels.clear()
    right = {(cell.row, cell.quantity): cell.correct for cell in report.cells}
    for row in table.rows:
        shape = right[row.label, "output_shape"]
        assert isinstance(shape, tuple)
        channels[row.label] = shape[0]
    assert right == by_torch(table)


@QUICK
@given(seed=SEEDS)
def test_random_networks_are_right_before_anything_is_planted(seed: int) -> None:
    labels = [label for label, _ in random_network(Random(seed))]
    assert len(set(labels)) == len(labels)
    assert {"Input", "Softmax"} <= set(labels)
    assert sum(label.startswith("CONV") for label in labels) in {1, 2, 3}


def test_the_same_seed_is_the_same_quiz_and_another_is_another() -> None:
    path = Path("quiz.tsv")
    assert quiz(11).text(path) == quiz(11).text(path)
    assert quiz(11).answers() == quiz(11).answers()
    assert len({quiz(seed).text(path) for seed in range(5)}) == 5


def test_many_kinds_of_mistakes_occur() -> None:
    names = Counter(name for seed in range(40) for *_, name in quiz(seed).planted)
    assert len(names) >= 15
    assert max(names.values()) < sum(names.values()) / 4


def test_the_answer_sheet_has_every_answer_and_the_right_table() -> None:
    made = quiz(5, 4)
    sheet = made.answers()
    for cell, (_, _, name) in zip(made.report.wrong, sorted(made.planted, key=str), strict=True):
        assert f"**{cell.row}, {cell.column}**" in sheet
        assert cell.formula in sheet
        assert f"`{name}`" in sheet
    assert check(parse_table(sheet)).wrong == ()
    assert len(parse_table(sheet).rows) == len(made.table.rows)


@pytest.mark.parametrize("mistakes", [0, 9])
def test_a_number_of_mistakes_that_cannot_be_planted_is_refused(mistakes: int) -> None:
    with pytest.raises(ClaimError, match="1 to 8"):
        quiz(1, mistakes)


def test_most_mistakes_have_room() -> None:
    assert [len(quiz(seed, 8).planted) for seed in range(2)] == [8] * 2


def test_the_command_writes_both_files(convstudy: Convstudy, tmp_path: Path) -> None:
    said = convstudy("quiz", "--seed", "9", "--mistakes", "2", "-o", "q.tsv", "--answers", "a.md")
    assert (said.status, said.out.split()) == (0, ["q.tsv", "a.md"])
    assert len(check(read_table(tmp_path / "q.tsv")).wrong) == 2
    assert convstudy("check", "q.tsv").status == 1
    assert convstudy("check", "a.md").status == 0
    assert convstudy("quiz").status == 0
    assert len(check(read_table(tmp_path / "quiz.md")).wrong) == 3
    for words in (("-o", "q.docx"), ("-o", "a.md", "--answers", "a.md"), ("--mistakes", "9")):
        assert convstudy("quiz", *words).status == 2
