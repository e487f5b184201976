"""The test part is sealed: whatever the options, no training and no selection reads it, and none depends on it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from convstudy.data import ImageSet
from convstudy.errors import DivergedError, ModelError
from convstudy.study import Budget, Plan, prepare
from convstudy.study.comparisons.allowance import counted, with_measured
from convstudy.study.comparisons.comparison import Comparison, tasks_of
from convstudy.study.comparisons.folder import ComparisonFolder
from convstudy.study.runs.events import ignore
from convstudy.study.runs.lr_trial import best_trial
from convstudy.study.runs.perform import perform
from convstudy.study.runs.task import Task
from convstudy.study.runs.workers import perform_all
from convstudy.training import Recipe, train
from tests.conftest import ROOT

CLASSES, SIDE, IMAGES = 3, 8, 48
TINY = """
from torch import nn

class Tiny(nn.Sequential):
    def __init__(self, num_classes, in_channels=1):
        super().__init__(
            nn.Conv2d(in_channels, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten(),
            nn.Dropout(0.1), nn.Linear(16, num_classes),
        )
"""
SLOW = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]


class OpenedEarlyError(Exception):
    """The test part was read while a training or a selection was still to come."""


@dataclass
class Sealed:
    """A test part that is told of whenever anything of it is read, and may refuse."""

    part: ImageSet
    on_open: Callable[[str], None]

    def __getattr__(self, name: str) -> Any:
        if name in {"part", "on_open"} or name.startswith("__"):
            raise AttributeError(name)
        self.on_open(name)
        return getattr(self.part, name)

    def __len__(self) -> int:
        self.on_open("len")
        return len(self.part)


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sealed")
    (folder / "tiny.py").write_text(TINY)
    random = np.random.default_rng(0)
    labels = np.arange(IMAGES) % CLASSES
    images = (random.integers(0, 120, (IMAGES, SIDE, SIDE)) + 60 * labels[:, None, None]).astype(np.uint8)
    np.savez(folder / "data.npz", x_train=images, y_train=labels, x_test=255 - images[:12], y_test=labels[:12])
    return folder


recipes = st.builds(
    Recipe,
    epochs=st.integers(1, 3),
    batch_size=st.sampled_from([8, 32]),
    accumulate=st.integers(1, 2),
    optimizer=st.sampled_from(["sgd", "adamw"]),
    schedule=st.sampled_from(["cosine", "step", "constant", "one-cycle"]),
    balance=st.sampled_from(["none", "loss", "sampling"]),
    ema_decay=st.sampled_from([0.0, 0.9]),
    patience=st.integers(0, 1),
    augment=st.sampled_from(["none", "trivialaugment"]),
    erasing=st.sampled_from([0.0, 0.5]),
    mixup=st.sampled_from([0.0, 0.2]),
    cutmix=st.sampled_from([0.0, 1.0]),
    init=st.sampled_from(["as is", "kaiming"]),
    channels_last=st.booleans(),
)


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """All that decides how a run is trained and selected; of two networks, one of which has other inputs."""
    recipe = draw(recipes)
    freeze = draw(st.booleans())
    budget = None if freeze else draw(st.sampled_from([None, Budget.parse("images=90"), Budget.parse("macs=1e7")]))
    return Plan(
        models=("tiny.py:Tiny",),
        data="data.npz",
        seeds=1,
        first_seed=draw(st.integers(0, 5)),
        recipe=recipe,
        budget=budget,
        lr_grid=draw(st.sampled_from([(), (0.01, 0.1), (0.003, 0.03, 1e20)])),
        horizontal_flip=draw(st.none() | st.booleans()),
        input_size=draw(st.sampled_from([None, 12])),
        freeze=freeze,
        unfreeze_at=draw(st.integers(0, recipe.epochs - 1)) if freeze else 0,
        device="cpu",
    )


def sealed_tasks(comparison: Comparison, folder: Path, on_open: Callable[[str], None]) -> list[Task]:
    """The runs of a comparison, whose test parts tell when they are read."""
    tasks = tasks_of(comparison, ComparisonFolder(folder).run)
    return [
        replace(task, data=replace(task.data, test=Sealed(task.data.test, on_open)))  # type: ignore[arg-type]
        for task in tasks
    ]


@given(plan=plans())
@settings(max_examples=40, deadline=None, suppress_health_check=SLOW)
def test_the_test_part_is_opened_after_the_last_training_and_selection_of_a_run(
    plan: Plan, here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(here)
    events: list[str] = []

    def told(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*given: Any, **named: Any) -> Any:
            events.append(name)
            try:
                return function(*given, **named)
            finally:
                events.append(name)

        return call

    shutil.rmtree(tmp_path / "out", ignore_errors=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("convstudy.study.runs.stages.train", told("train", train))
        patch.setattr("convstudy.study.runs.lr_search.best_trial", told("select", best_trial))
        [task] = sealed_tasks(prepare(plan), tmp_path / "out", events.append)
        task.folder.path.mkdir(parents=True)
        try:
            perform(task, ignore)
        except DivergedError:
            assert set(events) <= {"train", "select"}
            return
    opened = [name not in {"train", "select"} for name in events]
    assert opened == sorted(opened)
    assert {"images", "labels"} <= set(events)
    stages = 2 if plan.unfreeze_at else 1  # of which a learning rate that loses the loss may end in the first
    trainings = max(len(plan.lr_grid), 1)
    assert 2 * trainings <= events.count("train") <= 2 * trainings * stages
    assert ("select" in events) == bool(plan.lr_grid)


@given(plan=plans(), noise=st.integers(0, 9))
@settings(max_examples=15, deadline=None, suppress_health_check=SLOW)
def test_no_weight_no_epoch_and_no_choice_depends_on_the_test_part(
    plan: Plan, noise: int, here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(here)
    [task] = tasks_of(prepare(plan), ComparisonFolder(tmp_path).run)
    random = np.random.default_rng(noise)
    test = task.data.test
    other = replace(
        test, images=random.integers(0, 256, test.images.shape).astype(np.uint8), labels=random.permutation(test.labels)
    )
    left = []
    for name, part in (("one", test), ("other", other)):
        run = ComparisonFolder(tmp_path / name).run("tiny", 0)
        shutil.rmtree(run.path, ignore_errors=True)
        run.path.mkdir(parents=True)
        try:
            perform(replace(task, folder=run, data=replace(task.data, test=part)), ignore)
        except DivergedError as error:
            left.append(str(error))
            continue
        epochs = pd.read_csv(run.path / "epochs.csv").drop(columns="seconds").to_csv()
        left.append((run.path / "weights.safetensors").read_bytes().hex() + epochs + str(run.record()["recipe"]))
    assert left[0] == left[1]


@pytest.mark.parametrize(
    "budget", [Budget.parse("images=90"), Budget.parse("macs=1e7"), Budget.parse("seconds=60")], ids=str
)
def test_no_budget_reads_the_test_part(
    budget: Budget, here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(here)
    comparison = prepare(
        Plan(("tiny.py:Tiny",), data="data.npz", seeds=1, budget=Budget.parse("images=90"), input_size=12)
    )

    def refuse(name: str) -> None:
        raise OpenedEarlyError(name)

    data = replace(comparison.data, test=Sealed(comparison.data.test, refuse))  # type: ignore[arg-type]
    sealed = replace(comparison, data=data, plan=replace(comparison.plan, budget=budget), allowances={})
    monkeypatch.setattr(Comparison, "identity", lambda _: {})  # it holds the fingerprint of all images
    if budget.kind == "seconds":
        assert with_measured(sealed, ComparisonFolder(tmp_path)).allowances
    else:
        assert counted(sealed, budget)


@dataclass(frozen=True)
class AfterTraining:
    """Lets the test part of a run be read once the files of its trainings say that they have ended."""

    folder: Path
    epochs: int
    lrs: tuple[float, ...]
    log: Path

    def __call__(self, name: str) -> None:
        places = [self.folder / f"lr-{lr!r}" for lr in self.lrs] or [self.folder]
        done = [len(pd.read_csv(place / "epochs.csv")) if (place / "epochs.csv").exists() else 0 for place in places]
        tried = all((place / "trial.json").exists() for place in places) if self.lrs else True
        with self.log.open("a") as log:
            log.write(f"{name}\n")
        if done != [self.epochs] * len(places) or not tried:
            raise OpenedEarlyError(f"{name} was read after {done} of {self.epochs} epochs")


@pytest.mark.slow
def test_it_is_sealed_in_processes_side_by_side_too(
    here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(here)
    monkeypatch.syspath_prepend(ROOT)  # for the processes to find this file
    grids: dict[str, tuple[float, ...]] = {"one learning rate": (), "a grid": (0.01, 0.1)}
    tasks = [
        replace(
            task,
            data=replace(
                task.data,
                test=Sealed(task.data.test, AfterTraining(task.folder.path, 2, lrs, tmp_path / name)),  # type: ignore[arg-type]
            ),
        )
        for name, lrs in grids.items()
        for task in tasks_of(
            prepare(
                Plan(("tiny.py:Tiny",), data="data.npz", seeds=2, recipe=Recipe(epochs=2), lr_grid=lrs, device="cpu")
            ),
            ComparisonFolder(tmp_path / f"out {name}").run,
        )
    ]
    tasks = [replace(task, index=index) for index, task in enumerate(tasks, start=1)]  # of two studies
    for name in grids:
        (tmp_path / f"out {name}").mkdir()
    assert perform_all(tasks, 2, 1, ignore) == ()
    assert len(tasks) == 4
    assert all(task.folder.complete for task in tasks)
    for name in grids:
        assert (tmp_path / name).read_text().split().count("images") >= 2


def test_the_seal_breaks_where_a_selection_or_a_training_looks(
    here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(here)
    plan = Plan(("tiny.py:Tiny",), data="data.npz", seeds=1, recipe=Recipe(epochs=1), lr_grid=(0.01, 0.1), device="cpu")
    [task] = tasks_of(prepare(plan), ComparisonFolder(tmp_path).run)
    after = AfterTraining(task.folder.path, 1, plan.lr_grid, tmp_path / "log")
    task = replace(task, data=replace(task.data, test=Sealed(task.data.test, after)))  # type: ignore[arg-type]
    task.folder.path.mkdir(parents=True)

    def peeking(*given: Any, **named: Any) -> Any:
        task.data.test.images.mean()
        return train(*given, **named)

    monkeypatch.setattr("convstudy.study.runs.stages.train", peeking)
    with pytest.raises(ModelError, match=r"OpenedEarlyError: images was read after \[0, 0\] of 1 epochs"):
        perform(task, ignore)
