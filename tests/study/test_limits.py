"""Limits that are refused before anything is written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from convstudy.errors import ConvstudyError
from convstudy.study import Plan, choose_device
from convstudy.study.plans.budget import Budget, BudgetKind, allowances
from convstudy.training import Recipe
from tests.conftest import Said

Convstudy = Callable[..., Said]


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"first_seed": 2**32}, "4294967296"),
        ({"first_seed": 2**32 - 3, "seeds": 4}, "4294967296"),
        ({"first_seed": 2**32 - 3, "until": "sure"}, "first_seed"),
        ({"seeds": 100_000_000}, "100000000"),
        ({"max_seeds": 100_000_000}, "100000000"),
        ({"folds": 10_000, "repeats": 2}, "20,000"),
        ({"threads": 100_000}, "100000"),
        ({"jobs": 100_000}, "100000"),
    ],
)
def test_numbers_that_no_library_or_machine_takes(settings: dict[str, object], named: str) -> None:
    with pytest.raises(ConvstudyError, match=named):
        Plan.from_dict({"models": ["net", "lenet5"], **settings})


@pytest.mark.parametrize("settings", [{"epochs": 10**20}, {"batch_size": 10**22}])
def test_numbers_of_a_recipe(settings: dict[str, int]) -> None:
    with pytest.raises(ConvstudyError, match=str(*settings.values())):
        Recipe(**settings)  # type: ignore[arg-type]


def test_a_budget_of_too_many_epochs() -> None:
    with pytest.raises(ConvstudyError, match=r"budget is macs=1e\+300.* 1,000,000 epochs, macs=4.5e\+10"):
        allowances(Budget(BudgetKind.MACS, 1e300), {"net": 45_000})


def test_the_largest_seed_is_accepted() -> None:
    assert Plan(("net",), first_seed=2**32 - 3, seeds=3).first_seed == 2**32 - 3


@pytest.mark.parametrize("name", ["cpu:1x", "cpu:-1", "cpu:1", "cpu:99999999999999999999", ":", "cpu:0:0"])
def test_devices_that_are_none(name: str) -> None:
    with pytest.raises(ConvstudyError) as raised:
        choose_device(name)
    assert f"'{name}'" in str(raised.value)


@pytest.mark.parametrize(
    "words", [("--seed", "4294967296"), ("--threads", "100000"), ("--device", "cpu:1x"), ("--epochs", "1" + "0" * 20)]
)
def test_they_are_refused_before_anything_is_written(
    convstudy: Convstudy, tmp_path: Path, words: tuple[str, ...]
) -> None:
    said = convstudy("train", "net", *words, "--output", "out")
    assert (said.status, said.err.count("\n")) == (2, 1)
    assert words[0] in said.err
    assert words[1] in said.err
    assert list(tmp_path.iterdir()) == []


def test_a_network_nested_deeper_than_python_can_call(convstudy: Convstudy, tmp_path: Path) -> None:
    (tmp_path / "deep.py").write_text(
        "from torch import nn\ndef deep(num_classes=10, in_channels=1):\n    net = nn.Linear(4, num_classes)\n"
        "    for _ in range(900):\n        net = nn.Sequential(net)\n    return net\n"
    )
    said = convstudy("summary", "deep.py:deep", "--input", "4", "--format", "json")
    assert len(said.err) < 600
