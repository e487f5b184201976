"""Equal budgets: the epochs that follow from them, printed, stored, and the same after an interruption."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from convstudy.errors import StudyError
from convstudy.study import Budget, Plan, prepare
from convstudy.study.comparisons import allowance
from convstudy.study.comparisons.epoch_speed import epoch_seconds
from convstudy.study.plans.budget import MOST_EPOCHS, BudgetKind, allowances
from convstudy.study.runs.parts import training_parts
from convstudy.training import Recipe
from tests.conftest import Said

Convstudy = Callable[..., Said]

MODELS = ("net", "lecture")
FLAGS = ("--seeds", "1", "--device", "cpu", "--jobs", "1", "--batch-size", "64", "--output", "out")
NET_MACS = 117_600 + 240_000 + 48_000 + 10_080 + 840  # one channel, ten classes, by hand
SMALL = """
import torch
from torch import nn

class Strange(nn.Module):
    def __init__(self, num_classes, in_channels=3):
        super().__init__()
        self.head = nn.Linear(1024 * in_channels, num_classes)

    def forward(self, x):
        return self.head(torch.fft.rfft(x.flatten(1)).real.mean() + x.flatten(1))
"""


@given(amount=st.floats(1e-3, 1e18), costs=st.dictionaries(st.sampled_from("abcd"), st.floats(1e-3, 1e18), min_size=1))
def test_as_many_whole_epochs_as_the_budget_pays_for(amount: float, costs: dict[str, float]) -> None:
    budget = Budget(BudgetKind.SECONDS, amount)
    if max(costs.values()) > amount:
        with pytest.raises(StudyError, match="budget is seconds="):
            allowances(budget, costs)
        return
    if max(amount // cost for cost in costs.values()) > MOST_EPOCHS:
        with pytest.raises(StudyError, match=r"epochs of [a-d]; expected at most 1,000,000 epochs, seconds="):
            allowances(budget, costs)
        return
    for name, allowed in allowances(budget, costs).items():
        assert allowed.epochs * costs[name] <= amount * (1 + 1e-12)
        assert (allowed.epochs + 1) * costs[name] >= amount * (1 - 1e-12)
        assert 0 < allowed.used(budget) <= 1 + 1e-12


def test_the_epochs_of_equal_macs_are_those_counted_by_hand() -> None:
    plan = Plan(("net", "lenet5"), seeds=1, budget=Budget(BudgetKind.MACS, 1e10))
    comparison = prepare(plan)
    images = len(training_parts(comparison.data, 0)[0])
    assert comparison.recipe_of("net").epochs == int(1e10 / (3 * NET_MACS * images))
    lenet5 = comparison.entrants[1].macs
    assert (
        comparison.recipe_of("lenet5").epochs == int(1e10 / (3 * lenet5 * images)) != comparison.recipe_of("net").epochs
    )


def test_warm_up_is_cut_where_epochs_are_few() -> None:
    data = prepare(Plan(("net",), budget=Budget(BudgetKind.IMAGES, 100_000)))
    images = len(training_parts(data.data, 0)[0])
    for epochs in (1, 3):
        comparison = prepare(Plan(("net",), seeds=1, budget=Budget(BudgetKind.IMAGES, epochs * images)))
        assert comparison.recipe_of("net").epochs == epochs
        assert comparison.recipe_of("net").warmup_epochs == 0.5
    long = prepare(Plan(("net",), recipe=Recipe(warmup_epochs=4), budget=Budget(BudgetKind.IMAGES, 4 * images)))
    assert long.recipe_of("net").warmup_epochs == 2


def test_equal_images(convstudy: Convstudy, tmp_path: Path) -> None:
    said = convstudy("compare", *MODELS, "--budget", "images=2500", *FLAGS)
    assert said.status == 0, said.err
    assert "1 seed, budget images=2500, batch size 64" in said.out
    words = "Each training gets 2,500 training images seen."
    assert words in " ".join(said.out.split())
    results = json.loads((tmp_path / "out/results.json").read_text())
    assert results["protocol"]["epochs"] == {"net": 2, "lecture": 2}
    assert "epochs" not in results["protocol"]["recipe"]
    assert results["protocol"]["budget"] == "images=2500"
    assert words in (tmp_path / "out/report.html").read_text()
    assert words in convstudy("report", "out", "--format", "markdown").out
    for name in MODELS:
        assert list(pd.read_csv(tmp_path / f"out/{name}/seed-0/epochs.csv")["epoch"]) == [1, 2]
    assert "--budget images=2500" in results["protocol"]["command"]
    assert "--epochs" not in results["protocol"]["command"]
    other = convstudy("compare", *MODELS, "--budget", "images=2600", *FLAGS)
    assert 'budget is "images=2500" there and "images=2600" here' in other.err


def test_equal_seconds_are_measured_once_and_kept(
    convstudy: Convstudy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    speeds = iter([10.0, 25.0])
    monkeypatch.setattr(allowance, "epoch_seconds", lambda comparison, entrant: next(speeds))
    words = ("compare", *MODELS, "--budget", "seconds=30", *FLAGS)
    said = convstudy(*words)
    assert said.status == 0, said.err
    assert "net 3 (100%); lecture 1 (83%)." in " ".join(said.out.split())
    (tmp_path / "out/lecture/seed-0/run.json").unlink()
    (tmp_path / "out/results.json").unlink()
    watched = convstudy("watch", "out", "--once").out
    assert "1/1" in watched
    again = convstudy(*words)  # with no speed left to be measured
    assert again.status == 0, again.err
    assert len(pd.read_csv(tmp_path / "out/net/seed-0/epochs.csv")) == 3
    assert json.loads((tmp_path / "out/budget.json").read_text())["lecture"] == {"epochs": 1, "cost_of_epoch": 25.0}
    (tmp_path / "out/budget.json").write_text("{")
    assert "out/budget.json cannot be read" in convstudy(*words).err


def test_measuring_leaves_random_state_and_threads_as_they_were() -> None:
    comparison = prepare(Plan(("net",), seeds=1, budget=Budget(BudgetKind.SECONDS, 60), threads=2))
    state, threads = torch.get_rng_state(), torch.get_num_threads()
    assert epoch_seconds(comparison, comparison.entrants[0]) > 0
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.get_num_threads() == threads


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ("net", "--budget", "images=100"),
            "--budget is images=100, ",
        ),
        (
            ("net", "lecture", "--budget", "macs=1e6"),
            "expected macs=1.95e+09 or more",
        ),
        (("net", "resnet34", "--budget", "macs=1e10"), "expected macs=2.67e+11 or more"),
        (
            ("net", "--budget", "seconds=1e-9"),
            "--budget is seconds=1e-09, ",
        ),
        (("net", "--budget", "much"), "--budget is 'much'; expected images=N, macs=N or seconds=N, as in macs=2e13"),
        (("net", "--budget", "macs=-1"), "--budget is 'macs=-1'; expected"),
        (("net", "--budget", "macs=1e13", "--epochs", "3"), "--budget and --epochs are both given"),
        (("net", "--budget", "macs=1e13", "--freeze", "backbone"), "with --freeze backbone give --epochs instead"),
        (("strange.py:Strange", "--budget", "macs=1e13"), "strange.py:Strange has operations without a formula ("),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_budget_that_cannot_be_gets_one_line_and_writes_nothing(
    convstudy: Convstudy, tmp_path: Path, words: tuple[str, ...], message: str
) -> None:
    (tmp_path / "strange.py").write_text(SMALL)
    said = convstudy("compare", *words, "--device", "cpu", "--output", "out")
    assert said.status == 2
    assert message in said.err
    assert said.err.count("\n") == 1
    assert said.out == ""
    assert not (tmp_path / "out").exists()


def test_a_budget_of_text_is_one_of_its_kind() -> None:
    assert Budget.parse(" images = 3").kind is BudgetKind.IMAGES
    assert Budget("macs", 2.0).kind is BudgetKind.MACS  # type: ignore[arg-type]
    with pytest.raises(StudyError) as caught:
        Budget.parse("flops=3")
    assert caught.value.setting == "budget"
