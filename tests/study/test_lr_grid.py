"""An equal grid of learning rates: chosen on validation alone, counted, and the same after an interruption."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from convstudy.cli.compare import carry_out
from convstudy.errors import DivergedError
from convstudy.study import Plan, epochs_of, run_states
from convstudy.study.comparisons.folder import ComparisonFolder
from convstudy.study.runs.lr_trial import Trial, best_trial
from convstudy.training import Epoch, Recipe
from tests.conftest import Said

Convstudy = Callable[..., Said]

GRID = (1e-6, 0.03, 1e30)  # learns nothing, learns something, loses the loss
PLAN = Plan(("net",), seeds=2, recipe=Recipe(epochs=2, batch_size=16), lr_grid=GRID, device="cpu", jobs=1)
COMMAND = ("compare", "-c", "out/study.yaml", "--output", "out")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole") / "out"
    carry_out(PLAN, folder)
    return folder


@pytest.fixture
def out(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "out"))


def test_validation_chooses_and_all_trainings_are_counted(whole: Path) -> None:
    results = json.loads((whole / "results.json").read_text())
    [net] = results["models"]
    assert net["lrs"] == [0.03, 0.03]
    seconds = []
    for seed in (0, 1):
        run = whole / f"net/seed-{seed}"
        record = json.loads((run / "run.json").read_text())
        trials = record["trials"]
        assert record["lr_grid"] == list(GRID)
        assert [trial["lr"] for trial in trials] == list(GRID)
        best = max(
            (trial for trial in trials if trial["validation_top1"] is not None), key=lambda t: t["validation_top1"]
        )
        assert best["lr"] == record["lr"] == 0.03
        assert trials[2]["validation_top1"] is None
        assert best["validation_top1"] == pd.read_csv(run / "epochs.csv")["validation_top1"].iloc[-1]
        assert record["train_seconds"] == pytest.approx(sum(trial["seconds"] for trial in trials))
        assert all(trial["seconds"] > 0 for trial in trials)
        done = sum(trial["epochs"] for trial in trials)
        assert record["images_per_second"] == pytest.approx(record["train_images"] * done / record["train_seconds"])
        seconds.append(record["train_seconds"])
        assert {path.name for path in run.iterdir()} == {
            *("epochs.csv", "predictions.parquet", "run.json", "seen-images.npz", "weights.safetensors"),
            *(f"lr-{lr!r}" for lr in GRID),
        }
        assert not list(run.glob("lr-*/weights.safetensors"))
    assert net["train_seconds"] == pytest.approx(sum(seconds) / 2)


def test_the_chosen_training_is_that_of_its_learning_rate_alone(whole: Path, tmp_path: Path) -> None:
    alone = Plan(("net",), seeds=1, recipe=Recipe(epochs=2, batch_size=16, lr=0.03), device="cpu", jobs=1)
    carry_out(alone, tmp_path / "alone")
    assert (tmp_path / "alone/net/seed-0/weights.safetensors").read_bytes() == (
        whole / "net/seed-0/weights.safetensors"
    ).read_bytes()


def test_the_choice_is_told(convstudy: Convstudy, out: Path) -> None:
    said = convstudy(*COMMAND)
    assert "lr from 1e-06, 0.03, 1e+30, on cpu" in " ".join(said.out.split())
    assert ": net 0.03, 0.03." in " ".join(said.out.split())
    protocol = json.loads((out / "results.json").read_text())["protocol"]
    assert protocol["lr_grid"] == list(GRID)
    assert "lr" not in protocol["recipe"]
    assert "--lr-grid 1e-06,0.03,1e+30" in protocol["command"]
    assert "--lr " not in protocol["command"]
    page = convstudy("report", "out")
    assert page.status == 0
    assert "Training seconds are those of all 3 trainings." in (out / "report.html").read_text()
    other = convstudy(*COMMAND, "--lr-grid", "0.01,0.03")
    assert "is [1e-06, 0.03, 1e+30] there and [0.01, 0.03] here" in other.err


def test_interrupted_between_trainings_it_ends_the_same(convstudy: Convstudy, out: Path, whole: Path) -> None:
    run = out / "net/seed-1"
    for name in ("run.json", "weights.safetensors", "predictions.parquet", "epochs.csv"):
        (run / name).unlink()
    (run / "lr-0.03/trial.json").unlink()
    kept = (run / "lr-1e-06/trial.json").read_bytes()
    states = run_states(ComparisonFolder(out))
    assert [(state.state, state.epochs) for state in states] == [("done", 4), ("stopped", 4)]
    assert epochs_of(ComparisonFolder(out)) == {"net": 6}
    said = convstudy(*COMMAND)
    assert said.status == 0, said.err
    assert (run / "lr-1e-06/trial.json").read_bytes() == kept
    assert (run / "weights.safetensors").read_bytes() == (whole / "net/seed-1/weights.safetensors").read_bytes()


def test_with_each_learning_rate_lost_it_says_so(convstudy: Convstudy) -> None:
    flags = ("--seeds", "1", "--epochs", "1", "--device", "cpu", "--jobs", "1", "--output", "out")
    said = convstudy("compare", "net", "--lr-grid", "1e20,1e30", *flags)
    assert said.status == 1
    assert said.err.startswith("error: 1 of 1 run failed: net, seed 0: training diverged at every learning rate (1e+20")
    assert said.err.count("\n") == 1


trials = st.builds(
    Trial,
    st.floats(1e-6, 10),
    st.just(1.0),
    st.just(1),
    st.none() | st.sampled_from([0.25, 0.5, 0.75]),
    st.sampled_from([0.5, 1.0, 2.0]),
)


@given(tried=st.lists(trials, min_size=2, max_size=5, unique_by=lambda trial: trial.lr))
def test_the_best_has_the_highest_top1_then_the_lowest_loss(tried: list[Trial]) -> None:
    ended = [trial for trial in tried if trial.validation_top1 is not None]
    if not ended:
        with pytest.raises(DivergedError):
            best_trial(tried, "net")
        return
    best = best_trial(tried, "net")
    assert best.validation_top1 == max(trial.validation_top1 or 0 for trial in ended)
    equals = [trial for trial in ended if trial.validation_top1 == best.validation_top1]
    assert best.validation_loss == min(trial.validation_loss or 0 for trial in equals)
    assert best.lr == min(trial.lr for trial in equals if trial.validation_loss == best.validation_loss)


def epoch(number: int, loss: float, top1: float) -> Epoch:
    return Epoch(number, 0.1, 1.0, 0.5, loss, top1, 2.0)


def test_a_trial_is_judged_by_the_weights_that_it_ends_with() -> None:
    epochs = [epoch(1, 0.9, 0.5), epoch(2, 0.7, 0.6), epoch(3, 0.8, 0.7)]
    assert Trial.of(0.1, 6.0, epochs, patience=0) == Trial(0.1, 6.0, 3, 0.7, 0.8)
    assert Trial.of(0.1, 6.0, epochs, patience=1) == Trial(0.1, 6.0, 3, 0.6, 0.7)
    assert Trial.of(0.1, 2.0, [epoch(1, math.nan, 0.1)], patience=0).validation_top1 is None
