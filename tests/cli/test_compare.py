"""`convstudy compare` as its user meets it."""

from __future__ import annotations

import csv
import inspect
import json
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from typing import Protocol

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import load_file
from sklearn.metrics import accuracy_score
from tests.conftest import Said
from tests.started import Started

from convstudy.cli.compare import compare
from convstudy.study.runs.digests import sealed
from convstudy.training import Recipe

Convstudy = Callable[..., Said]

SHORT = ("--epochs", "2", "--seeds", "2", "--output", "out", "--device", "cpu", "--jobs", "1")

OWN = """
from torch import nn

class Tiny(nn.Sequential):
    def __init__(self, num_classes, in_channels=3):
        layers = nn.Conv2d(in_channels, 4, 3), nn.ReLU(), nn.MaxPool2d(4), nn.Flatten(), nn.Linear(196, num_classes)
        super().__init__(*layers)

def wide(num_classes, **sizes):
    return Tiny(num_classes, **sizes)

def fixed():
    return Tiny(10)

def three_outputs(num_classes, in_channels):
    return Tiny(3, in_channels)
"""
MEASURED = ("latency_p95_ms", "inference_images_per_second", "inference_batch_size", "training_step_bytes")


@pytest.fixture
def own(tmp_path: Path) -> str:
    (tmp_path / "own.py").write_text(OWN)
    return "own.py"


def test_two_networks_in_one_verdict_out(convstudy: Convstudy, own: str, tmp_path: Path) -> None:
    said = convstudy("compare", "net", f"{own}:Tiny", *SHORT)
    assert said.status == 0, said.err
    words = " ".join(said.out.split())
    assert "61,706" in words  # net with one channel and ten classes, before training
    assert "report: out/report.html" in words
    assert "not comparable yet" in words  # after two epochs both still improve steeply

    results = json.loads((tmp_path / "out/results.json").read_text())
    parts = {"models", "comparisons", "conclusion", "health", "omnibus", "protocol", "environment", "sequential"}
    assert set(results) == parts | {"looks", "test_set"}
    net, tiny = results["models"]
    assert (net["name"], net["parameters"], net["macs"]) == ("net", 61_706, 117_600 + 240_000 + 48_000 + 10_080 + 840)
    assert tiny["parameters"] == 4 * 9 + 4 + 196 * 10 + 10
    for model in (net, tiny):
        top1 = model["top1"]
        assert len(top1["per_seed"]) == 2
        assert 0 <= top1["low"] <= top1["mean"] <= top1["high"] <= 1
        assert all(model[key] > 0 for key in ("train_seconds", "images_per_second", "latency_ms", *MEASURED))
        assert model["latency_ms"] <= model["latency_p95_ms"]
        assert model["training_step_bytes"] > 3 * 4 * model["parameters"]  # weights, gradients, momentum
    [pair] = results["comparisons"]
    assert (pair["a"], pair["b"]) == ("net", "own.py:Tiny")
    assert pair["difference"] == pytest.approx(net["top1"]["mean"] - tiny["top1"]["mean"])
    assert pair["low"] <= pair["difference"] <= pair["high"]
    assert results["protocol"]["data"]["test"] == 449
    assert results["environment"]["torch"]


def test_every_run_leaves_its_folder_whose_numbers_are_those_of_the_results(
    convstudy: Convstudy, own: str, tmp_path: Path
) -> None:
    assert convstudy("compare", f"{own}:Tiny", *SHORT).status == 0
    results = json.loads((tmp_path / "out/results.json").read_text())
    with (tmp_path / "out/results.csv").open(newline="") as file:
        [line] = csv.DictReader(file)
    assert float(line["top1_mean"]) == results["models"][0]["top1"]["mean"]
    for seed in (0, 1):
        folder = tmp_path / f"out/own.py-Tiny/seed-{seed}"
        assert {path.name for path in folder.iterdir()} == {
            "epochs.csv",
            "model.py",
            "predictions.parquet",
            "run.json",
            "seen-images.npz",
            "weights.safetensors",
        }
        epochs = pd.read_csv(folder / "epochs.csv")
        assert list(epochs["epoch"]) == [1, 2]
        answers = pd.read_parquet(folder / "predictions.parquet")
        top1 = accuracy_score(answers["label"], answers.filter(like="logit_").to_numpy().argmax(1))
        assert top1 == pytest.approx(results["models"][0]["top1"]["per_seed"][seed])
        assert answers["id"].is_unique
        assert {name: array.shape for name, array in load_file(folder / "weights.safetensors").items()}["4.weight"] == (
            10,
            196,
        )


def test_the_same_command_again_does_only_what_is_missing(convstudy: Convstudy, own: str, tmp_path: Path) -> None:
    command = ("compare", f"{own}:Tiny", "net", *SHORT)
    assert convstudy(*command).status == 0
    kept = tmp_path / "out/net/seed-1/weights.safetensors"
    lost = tmp_path / "out/own.py-Tiny/seed-0"
    before = kept.stat().st_mtime_ns
    first = load_file(lost / "weights.safetensors")
    results = (tmp_path / "out/results.json").read_text()
    (lost / "run.json").unlink()
    assert convstudy(*command).status == 0
    assert kept.stat().st_mtime_ns == before
    again = load_file(lost / "weights.safetensors")
    assert all(np.array_equal(first[name], again[name]) for name in first)
    assert accuracies(results) == accuracies((tmp_path / "out/results.json").read_text())


def test_runs_that_measured_themselves_are_averaged_and_may_say_less(
    convstudy: Convstudy, own: str, tmp_path: Path
) -> None:
    """As runs of a cluster do, and those of older versions did."""
    command = ("compare", f"{own}:Tiny", *SHORT)
    assert convstudy(*command).status == 0
    [measured] = json.loads((tmp_path / "out/costs.json").read_text()).values()
    doubled = {key: 2 * value for key, value in measured.items()}
    paths = [tmp_path / f"out/own.py-Tiny/seed-{seed}/run.json" for seed in (0, 1)]

    def told(*costs: dict[str, float]) -> dict[str, object]:
        (tmp_path / "out/costs.json").unlink(missing_ok=True)
        for path, cost in zip(paths, costs, strict=True):
            kept = {key: value for key, value in json.loads(path.read_text()).items() if key not in measured}
            path.write_text(json.dumps(sealed(kept | cost, path.parent)))
        said = convstudy(*command)
        assert said.status == 0, said.err
        assert convstudy("report", "out", "--format", "markdown").status == 0
        [model] = json.loads((tmp_path / "out/results.json").read_text())["models"]
        return {key: model[key] for key in MEASURED}

    both = told(measured, doubled)
    assert both["latency_p95_ms"] == pytest.approx(1.5 * measured["latency_p95_ms"])
    assert both["training_step_bytes"] == 2 * measured["training_step_bytes"]
    assert both["inference_batch_size"] in {measured["inference_batch_size"], doubled["inference_batch_size"]}
    only_latency = {"latency_ms": measured["latency_ms"]}
    assert told(only_latency, doubled) == {key: doubled[key] for key in MEASURED}
    assert told(only_latency, only_latency) == dict.fromkeys(MEASURED)
    path = tmp_path / "out/results.json"
    results = json.loads(path.read_text())
    results["models"] = [{k: v for k, v in model.items() if k not in MEASURED} for model in results["models"]]
    path.write_text(json.dumps(results))
    (tmp_path / "out/digests.json").unlink()
    assert convstudy("report", "out").status == 0


def accuracies(results: str) -> list[dict[str, object]]:
    return [model["top1"] for model in json.loads(results)["models"]]


def test_the_report_is_drawn_again_from_what_is_stored(convstudy: Convstudy, own: str, tmp_path: Path) -> None:
    assert convstudy("compare", f"{own}:Tiny", "net", *SHORT).status == 0
    report = tmp_path / "out/report.html"
    drawn = report.read_text()
    report.unlink()
    said = convstudy("report", "out")
    assert (said.status, said.out.split()) == (0, ["out/report.html"])
    assert report.read_text() == drawn
    assert convstudy("report", "out", "--format", "markdown").out.startswith("# own.py:Tiny against net on digits\n")
    assert convstudy("report", "out", "--format", "json").out == (tmp_path / "out/results.json").read_text()
    assert convstudy("report", "out", "--format", "csv").out.startswith("name,input,")
    said = convstudy("report", "out", "--format", "latex", "--output", "tables/main.tex")
    assert (said.status, said.out.split()) == (0, ["tables/main.tex"])
    assert (tmp_path / "tables/main.tex").read_text().startswith("% needs ")


@pytest.mark.slow
def test_killed_in_the_middle_it_ends_with_the_same_weights_bit_for_bit(convstudy: Convstudy, tmp_path: Path) -> None:
    """Side by side; tests/training/test_kill.py does it in one process."""
    few = ("--epochs", "8", "--train-images", "400", "--seeds", "2", "--device", "cpu")
    words = ("compare", "lecture", *few, "--output")
    assert convstudy(*words, "whole", "--jobs", "1").status == 0
    side_by_side = (*words, "broken", "--jobs", "2")
    checkpoint = tmp_path / "broken/lecture/seed-0/checkpoint.pt"
    seen = 0
    for _ in range(2):
        with Started(tmp_path, *side_by_side) as running:
            seen = wait_for_newer(checkpoint, seen, running)
            assert running.send(signal.SIGKILL) == -signal.SIGKILL
    assert convstudy(*side_by_side).status == 0
    for seed in range(2):
        whole, broken = (tmp_path / name / f"lecture/seed-{seed}" for name in ("whole", "broken"))
        assert (whole / "weights.safetensors").read_bytes() == (broken / "weights.safetensors").read_bytes()
        assert list(pd.read_csv(broken / "epochs.csv")["epoch"]) == [*range(1, 9)]


class Running(Protocol):
    def poll(self) -> int | None: ...


def wait_for_newer(path: Path, seen: int, running: Running) -> int:
    """Wait until `path` has been written again; give its time."""
    while running.poll() is None:
        with suppress(FileNotFoundError):
            if (written := path.stat().st_mtime_ns) > seen:
                return written
        time.sleep(0.002)
    raise AssertionError("the run ended before it could be killed")


def test_every_setting_of_the_recipe_has_a_flag() -> None:
    flags = inspect.signature(compare).parameters
    assert {field.name for field in fields(Recipe)} <= set(flags)


def test_a_lost_loss_ends_in_one_line(convstudy: Convstudy, own: str) -> None:
    said = convstudy("compare", f"{own}:Tiny", *SHORT, "--lr", "1e30")
    assert said.status == 1
    assert said.err.startswith("error: 2 of 2 runs failed: own.py:Tiny, seed 0: the loss is ")
    assert "at epoch 1, step " in said.err
    assert said.err.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("compare", "resnet3A"), "no network is named 'resnet3A'; did you mean 'resnet34'?"),
        (("compare", "net", "net"), "net is given twice"),
        (("compare", "--seeds", "0"), "--seeds is 0; expected a whole number from 1"),
        (("compare", "--epochs", "0"), "--epochs is 0; expected"),
        (("compare", "--lr", "fast"), "Invalid value for '--lr': 'fast' is neither a number nor `find`"),
        (("compare", "--epochs", "1.5"), "Invalid value for '--epochs': '1.5' is not a"),
        (("report", "done", "--format", "doc"), "Invalid value for '--format': 'doc' is not one of 'html', 'pdf'"),
        (("compare", "net,lenet5"), "'net,lenet5' names several networks; separate them by spaces: net lenet5"),
        (("compare", "--epoch", "3"), "No such option: --epoch"),
        (("compare", "--data", "nowhere/at/all"), "nowhere/at/all"),
        (("compare", "--device", "tpu"), "--device is 'tpu'; expected auto, cpu, cuda, cuda:N or mps"),
        (("compare", "--input-size", "16"), "got --input-size 16"),
        (("compare", "nowhere.py:Net"), "nowhere.py does not exist; expected a Python file"),
        (("compare", "own.py:Missing"), "own.py has no network 'Missing'; it has Tiny"),
        (("compare", "own.py:fixed"), "own.py:fixed: 0 (Conv2d): got 1x1x32x32 (batch first), expected 3 channels"),
        (
            ("compare", "own.py:three_outputs"),
            "own.py:three_outputs returns an output of shape (3,); expected one logit",
        ),
        (("compare", "own.py:Tiny", "--input-size", "3"), "own.py:Tiny: "),
        (("compare", "no.such.module:Net"), "no.such.module cannot be imported: ModuleNotFoundError"),
        (("summary", "net", "--input", "3x16x16"), "32"),
        (("summary", "net", "--input", "32"), "expected 3x32x32"),
        (("summary", "net", "--input", "3xAx4"), "--input is '3xAx4'"),
        (("summary", "net", "--input", "3x32x32:int46"), "did you mean 'int64'"),
        (("summary", "net", "--input", "a=3x32x32", "--input", "a=3x32x32"), "a=... is given twice"),
        (("summary", "net", "--input", "1x3x32x32"), "(leave out the 1); expected 3x32x32"),
        (("summary", "net", "--input", "32x32x3"), "channels last; expected 3x32x32"),
        (("summary", "net", "--input", f"3x{'9' * 25}x32"), "too large"),
        (("summary", "net", "--input", f"3x{'9' * 5000}x32"), "--input is '3x999"),
        (("summary", "net", "--classes", "0"), "number of classes is 0"),
        (("compare", "torchvision:raft_small"), "optical flow"),
        (("report", "nowhere"), "nowhere holds no comparison"),
        (("frobnicate",), "No such command 'frobnicate'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_bad_input_gets_one_line_and_writes_nothing(
    convstudy: Convstudy, own: str, tmp_path: Path, words: tuple[str, ...], message: str
) -> None:
    before = sorted(path.name for path in tmp_path.iterdir())
    said = convstudy(*words)
    assert said.status == 2, said
    assert said.err.startswith("error: ")
    assert message in said.err
    assert said.err.count("\n") == 1
    assert said.out == ""
    assert sorted(path.name for path in tmp_path.iterdir() if path.name != "__pycache__") == before


def test_the_folder_of_another_comparison_is_left_alone(convstudy: Convstudy, own: str, tmp_path: Path) -> None:
    assert convstudy("compare", f"{own}:Tiny", *SHORT).status == 0
    results = (tmp_path / "out/results.json").read_bytes()
    other = convstudy("compare", f"{own}:Tiny", *SHORT, "--lr", "0.01")
    assert (other.status, other.err) == (
        2,
        "error: out holds another comparison: recipe.lr is 0.03 there and 0.01 here; choose another --output\n",
    )
    (tmp_path / own).write_text(OWN + "\n# changed\n")
    assert "code.own.py:Tiny is" in convstudy("compare", f"{own}:Tiny", *SHORT).err
    assert (tmp_path / "out/results.json").read_bytes() == results
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/thesis.txt").write_text("years of work")
    assert "mine already exists" in convstudy("compare", "net", "--output", "mine").err


def test_lists(convstudy: Convstudy) -> None:
    networks, data = convstudy("models"), convstudy("data")
    assert (networks.status, data.status) == (0, 0)
    assert all(name in networks.out for name in ("net", "lenet5", "resnet18", "resnet34"))
    assert all(name in data.out for name in ("digits", "cifar10", "mnist", ".npz", ".h5"))


def test_summary_prints_the_layer_table(convstudy: Convstudy) -> None:
    said = convstudy("summary", "net", "--input", "3x32x32", "--classes", "10")
    assert said.status == 0
    assert all(number in said.out for number in ("456", "2,416", "48,120", "10,164", "850", "62,006"))
    assert max(map(len, said.out.splitlines())) <= 80
