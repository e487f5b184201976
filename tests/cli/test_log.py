"""`convstudy train --log`: what trackers are told, and that the CSV is always there."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
from tests.conftest import Said

Convstudy = Callable[..., Said]

SHORT = ("small.py:Small", "--data", "pictures", "--epochs", "3", "--device", "cpu", "--output", "out")
NAMES = {
    "loss/train": "train_loss",
    "loss/validation": "validation_loss",
    "top1/train": "train_top1",
    "top1/validation": "validation_top1",
    "lr": "lr",
    "seconds": "seconds",
}


def test_tensorboard_shows_what_the_csv_holds(convstudy: Convstudy, pictures: Path, tmp_path: Path) -> None:
    loading = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator", reason="the extra `tensorboard` is not installed"
    )
    assert convstudy("train", *SHORT, "--log", "tensorboard").status == 0
    events = loading.EventAccumulator(str(tmp_path / "out/tensorboard")).Reload()
    epochs = pd.read_csv(tmp_path / "out/epochs.csv")
    assert set(events.Tags()["scalars"]) == {*NAMES, "top1/test"}
    for name, column in NAMES.items():
        points = events.Scalars(name)
        assert [point.step for point in points] == [1, 2, 3]
        assert [point.value for point in points] == pytest.approx(list(epochs[column]), rel=1e-6)
    [tested] = events.Scalars("top1/test")
    top1 = json.loads((tmp_path / "out/run.json").read_text())["top1"]
    assert (tested.step, tested.value) == (3, pytest.approx(top1))


def test_after_a_resume_each_epoch_is_there_once(
    convstudy: Convstudy, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loading = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator", reason="the extra `tensorboard` is not installed"
    )
    from convstudy.report.terminal.training_display import TrainingDisplay  # noqa: PLC0415
    from convstudy.study.runs.events import EpochEnded, Event  # noqa: PLC0415

    show = TrainingDisplay.__call__

    def interrupted(self: TrainingDisplay, event: Event) -> None:
        show(self, event)
        if isinstance(event, EpochEnded) and event.epoch.epoch == 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(TrainingDisplay, "__call__", interrupted)
        assert convstudy("train", *SHORT, "--log", "tensorboard").status == 130
    assert list(pd.read_csv(tmp_path / "out/epochs.csv")["epoch"]) == [1, 2]
    assert convstudy("train", "--resume", "out").status == 0
    events = loading.EventAccumulator(str(tmp_path / "out/tensorboard")).Reload()
    assert [point.step for point in events.Scalars("loss/train")] == [1, 2, 3]


class Tracked:
    """A stand-in for a tracker's library: it notes what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, Any]] = []
        self.info = SimpleNamespace(run_id="the-run")

    def __getattr__(self, name: str) -> Callable[..., Tracked]:
        def note(*arguments: Any, **named: Any) -> Tracked:
            self.told.append((name, {"": arguments, **named} if arguments else named))
            return self

        return note


@pytest.mark.parametrize(
    ("library", "words"),
    [
        ("wandb", ["init", "log", "log", "log", "log", "finish"]),
        (
            "mlflow",
            ["set_experiment", "start_run", "log_params", *["log_metrics"] * 4, "end_run"],
        ),
    ],
)
def test_the_libraries_of_the_other_trackers_are_told(
    convstudy: Convstudy,
    pictures: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    library: str,
    words: list[str],
) -> None:
    tracked = Tracked()
    monkeypatch.setitem(sys.modules, library, tracked)
    said = convstudy("train", *SHORT, "--log", library)
    assert said.status == 0, said.err
    assert [name for name, _ in tracked.told] == words
    epochs = pd.read_csv(tmp_path / "out/epochs.csv")
    logged = [named for name, named in tracked.told if name in {"log", "log_metrics"}]
    assert [named["step"] for named in logged] == [1, 2, 3, 3]
    assert [named[""][0]["loss/train"] for named in logged[:3]] == pytest.approx(list(epochs["train_loss"]))
    assert list(logged[3][""][0]) == ["top1/test"]
    settings = tracked.told[0][1]["config"] if library == "wandb" else tracked.told[2][1][""][0]
    assert (settings["model"], settings["seed"], settings["recipe.epochs"]) == ("small.py:Small", 0, 3)


def test_without_a_tracker_s_package_or_name_nothing_begins(
    convstudy: Convstudy, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "wandb", None)
    said = convstudy("train", *SHORT, "--log", "wandb")
    assert (said.status, said.err) == (
        2,
        "error: --log wandb needs the package wandb, which is not installed; run `pip install convstudy[wandb]`\n",
    )
    (tmp_path / "mlflow.py").write_text("import google.protobuf.service_of_another_version\n")
    monkeypatch.syspath_prepend(tmp_path)
    said = convstudy("train", *SHORT, "--log", "mlflow")
    assert said.err.startswith(
        "error: --log mlflow needs the package mlflow, which cannot be imported (No module named "
    )
    said = convstudy("train", *SHORT, "--log", "tensorbord")
    assert said.err == "error: no tracker is named 'tensorbord'; did you mean 'tensorboard'?\n"
    assert not (tmp_path / "out").exists()


def test_a_tracker_that_fails_does_not_stop_the_training(
    convstudy: Convstudy, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Away(Tracked):
        def log_metrics(self, values: dict[str, float], step: int) -> None:
            raise ConnectionError("the server is away")

    monkeypatch.setitem(sys.modules, "mlflow", Away())
    with pytest.warns(UserWarning, match=r"mlflow stopped at epoch 1: ConnectionError: the server is away"):
        assert convstudy("train", *SHORT, "--log", "mlflow").status == 0
    assert list(pd.read_csv(tmp_path / "out/epochs.csv")["epoch"]) == [1, 2, 3]
    monkeypatch.setitem(sys.modules, "mlflow", SimpleNamespace())
    said = convstudy("train", *SHORT[:-1], "other", "--log", "mlflow")
    assert (said.status, said.err.count("\n")) == (2, 1)
    assert said.err.startswith("error: the tracker mlflow cannot start: AttributeError: ")
