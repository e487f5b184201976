"""Presets: what they decide, what overrides them, and that they are the same recipe when they are read again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import convstudy as package
from convstudy.errors import StudyError
from convstudy.study import planned
from convstudy.training import Recipe, read_recipe, write_recipe
from convstudy.training.presets import PRESETS
from tests.conftest import Said

QUICK: dict[str, Any] = {"preset": "quick"}
WRITTEN = "models: [net]\nrecipe:\n  epochs: 30\n  label_smoothing: 0.3\n  erasing: 0.2\n"


@pytest.mark.parametrize("name", PRESETS)
def test_a_stored_preset_is_the_same_recipe(tmp_path: Path, name: Any) -> None:
    recipe = Recipe(preset=name, optimizer="sgd", epochs=3)
    write_recipe(recipe, tmp_path / "recipe.yaml")
    assert read_recipe(tmp_path / "recipe.yaml") == recipe != Recipe(preset=name)
    assert replace(recipe, optimizer="adamw").lr == recipe.lr  # a finished recipe does not begin again


def test_longer_presets_take_longer() -> None:
    assert [*PRESETS] == ["quick", "standard", "thorough"]
    epochs = [Recipe.from_dict({"preset": name}).epochs for name in PRESETS]
    assert epochs == sorted(set(epochs))


def test_what_is_given_overrides_a_preset() -> None:
    plain, given = Recipe.from_dict(QUICK), Recipe.from_dict({**QUICK, "schedule": "step", "lr": 1})
    assert (given.schedule, given.lr) == ("step", 1.0)
    assert given == replace(plain, schedule="step", lr=1.0)
    assert Recipe.from_dict({"preset": "none"}) == Recipe()


@pytest.mark.parametrize(("optimizer", "times"), [("sgd", 4), ("adamw", 2)])
def test_the_rate_follows_the_batch_size(optimizer: str, times: int) -> None:
    settings = {**QUICK, "optimizer": optimizer}
    one = Recipe.from_dict(settings)
    four = Recipe.from_dict({**settings, "batch_size": 4 * one.batch_size})
    assert four.lr == pytest.approx(times * one.lr, rel=0.05)


def test_the_warm_up_is_a_share_of_the_epochs() -> None:
    short, long = (Recipe.from_dict({**QUICK, "epochs": epochs}) for epochs in (1, 100))
    assert long.warmup_epochs == pytest.approx(100 * short.warmup_epochs) != 0


def test_a_preset_replaces_what_it_decides_in_a_study_file(tmp_path: Path) -> None:
    path = tmp_path / "study.yaml"
    path.write_text(WRITTEN)
    decided, within = planned(path, {}, QUICK).recipe, Recipe.from_dict(QUICK)
    assert (decided.epochs, decided.erasing, decided.preset) == (within.epochs, 0.2, "quick")
    path.write_text(WRITTEN + "  preset: quick\n")
    assert planned(path, {}, {}).recipe == replace(planned(path, {}, {"lr": 1.0}).recipe, lr=within.lr)
    assert planned(path, {}, {}).recipe.epochs == 30


def test_a_preset_replaces_the_recipe_of_the_default_study() -> None:
    plan = planned(None, {}, QUICK)
    assert (plan.models, plan.recipe) == (("net", "resnet34"), Recipe.from_dict(QUICK))


@pytest.mark.parametrize("asked", [{"budget": "images=1e5"}, {"lr_grid": [0.1, 0.2]}])
def test_a_preset_goes_with_a_budget_or_a_grid(asked: dict[str, Any]) -> None:
    plan = planned(None, {"models": ["net"], **asked}, QUICK)
    assert plan.recipe == Recipe.from_dict(QUICK)
    assert "--preset quick" in plan.command()


def test_the_command_has_what_differs_from_the_preset() -> None:
    plan = planned(None, {"models": ["net"]}, {**QUICK, "schedule": Recipe().schedule})
    assert f"--sched {Recipe().schedule}" in plan.command()


def test_python_takes_a_preset(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="recipe and preset"):
        package.train("net", preset="quick", recipe=Recipe())
    assert not [*tmp_path.iterdir()]


def test_train_prints_and_stores_a_preset(convstudy: Callable[..., Said], tmp_path: Path) -> None:
    said = convstudy("train", "net", "--preset", "quick", "--epochs", "1", "--output", str(tmp_path / "run"))
    assert said.status == 0
    assert "preset: quick" in said.out
    stored = read_recipe(tmp_path / "run" / "recipe.yaml")
    assert stored == replace(Recipe(preset="quick", epochs=1), channels_last=True)
