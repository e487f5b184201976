"""`convstudy train` as its user meets it."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from dataclasses import asdict, fields
from pathlib import Path

import pandas as pd
import pytest
import yaml
from tests.cli.test_compare import wait_for_newer
from tests.conftest import Said
from tests.started import Started

from convstudy.cli.setting_flags import FLAGGED, spellings
from convstudy.errors import RecipeError
from convstudy.study.comparisons import comparison, single_run
from convstudy.training import Recipe
from convstudy.training.setting import declared

Convstudy = Callable[..., Said]

SHORT = ("--data", "pictures", "--epochs", "2", "--device", "cpu", "--threads", "1", "--output", "out")


def test_one_run_is_that_of_a_comparison_to_the_bit(convstudy: Convstudy, pictures: Path, tmp_path: Path) -> None:
    said = convstudy("train", "small.py:Small", *SHORT, "--seed", "1")
    assert said.status == 0, said.err
    assert "small.py:Small, seed 1: epoch 2 of 2" in said.out
    assert "run: out\n" in said.out
    words = (
        "--data",
        "pictures",
        "--epochs",
        "2",
        "--device",
        "cpu",
        "--seeds",
        "2",
        "--jobs",
        "1",
        "--output",
        "both",
    )
    assert convstudy("compare", "small.py:Small", *words).status == 0
    alone, among = tmp_path / "out", tmp_path / "both/small.py-Small/seed-1"
    assert {path.name for path in alone.iterdir()} == {path.name for path in among.iterdir()} | {
        "train.json",
        "recipe.yaml",
    }
    for name in ("weights.safetensors", "predictions.parquet"):
        assert (alone / name).read_bytes() == (among / name).read_bytes()
    records = [json.loads((folder / "run.json").read_text()) for folder in (alone, among)]
    timed = {
        "train_seconds",
        "images_per_second",
        "latency_ms",
        "latency_p95_ms",
        "latency_passes",
        "inference_images_per_second",
        "inference_batch_size",
        "training_step_bytes",  # a comparison measures these after its runs
        "files",  # digests, of epochs.csv, too, which has seconds
        "digest",
        "signature",
    }
    assert {k: v for k, v in records[0].items() if k not in timed} == {
        k: v for k, v in records[1].items() if k not in timed
    }


def test_evaluate_and_predict_take_it(convstudy: Convstudy, pictures: Path, tmp_path: Path) -> None:
    assert convstudy("train", "small.py:Small", *SHORT).status == 0
    top1 = json.loads((tmp_path / "out/run.json").read_text())["top1"]
    assert json.loads(convstudy("evaluate", "out", "--format", "json").out)["top1"]["value"] == top1
    answers = json.loads(convstudy("predict", "out", "pictures/test", "--format", "json").out)
    assert sum(a["image"].split("/")[2] == a["label"] for a in answers) / len(answers) == top1


def test_the_same_command_again_changes_nothing(convstudy: Convstudy, pictures: Path, tmp_path: Path) -> None:
    assert convstudy("train", "small.py:Small", *SHORT).status == 0
    before = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "out").iterdir()}
    said = convstudy("train", "small.py:Small", *SHORT)
    assert said.status == 0
    assert "top-1" in said.out
    assert {path.name: path.stat().st_mtime_ns for path in (tmp_path / "out").iterdir()} == before


def test_another_run_s_folder_is_left_alone(convstudy: Convstudy, pictures: Path, tmp_path: Path) -> None:
    assert convstudy("train", "small.py:Small", *SHORT).status == 0
    said = convstudy("train", "small.py:Small", *SHORT, "--lr", "0.01")
    assert (said.status, said.err) == (
        2,
        "error: out holds another run: recipe.lr is 0.03 there and 0.01 here; choose another --output\n",
    )
    assert "seed is 0 there and 3 here" in convstudy("train", "small.py:Small", *SHORT, "--seed", "3").err
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/thesis.txt").write_text("years of work")
    assert "mine already exists" in convstudy("train", "net", "--output", "mine").err


def test_the_memory_format_follows_from_the_network_and_is_kept(
    convstudy: Convstudy, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(single_run, "fastest_threads", lambda *_: 1)
    words = ("train", "small.py:Small", *SHORT[:-4], "--output")
    for again in ((*words, "out"), ("train", "--resume", "out"), (*words, "said", "--no-channels-last")):
        assert convstudy(*again).status == 0
    took = {name: json.loads((tmp_path / name / "run.json").read_text())["recipe"] for name in ("out", "said")}
    assert {name: recipe["channels_last"] for name, recipe in took.items()} == {"out": True, "said": False}
    assert "channels_last: true" in (tmp_path / "out/recipe.yaml").read_text()


def test_amp_on_a_processor_without_bfloat16_is_warned_of(
    convstudy: Convstudy, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comparison, "computes_bfloat16", lambda _: False)
    said = convstudy("train", "small.py:Small", *SHORT, "--amp")
    assert said.err.startswith("warning: amp ")
    assert said.err.count("\n") == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("how", "again"),
    [(signal.SIGKILL, "the same command"), (signal.SIGINT, "resume"), (signal.SIGTERM, "resume")],
)
def test_interrupted_it_goes_on_and_ends_the_same(
    convstudy: Convstudy, tmp_path: Path, how: signal.Signals, again: str
) -> None:
    words = ("train", "net", "--epochs", "4", "--device", "cpu", "--threads", "1", "--output")
    assert convstudy(*words, "whole").status == 0
    with Started(tmp_path, *words, "broken", background=how == signal.SIGTERM) as running:
        wait_for_newer(tmp_path / "broken/checkpoint.pt", 0, running)
        status = running.send(how)
    if how != signal.SIGKILL:
        assert status == (130 if how == signal.SIGINT else 143)
        assert running.err.endswith("; repeat the command to continue\n")
        assert running.err.count("\n") == 1
    go_on = (*words, "broken") if again == "the same command" else ("train", "--resume", "broken")
    done = convstudy(*go_on)
    assert done.status == 0, done.err
    assert "epoch 1 of 4, loss" in done.out
    assert "from its checkpoint" in done.out
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    assert (whole / "weights.safetensors").read_bytes() == (broken / "weights.safetensors").read_bytes()
    assert list(pd.read_csv(broken / "epochs.csv")["epoch"]) == [1, 2, 3, 4]
    assert {path.name for path in whole.iterdir()} == {path.name for path in broken.iterdir()}


def test_flags_override_the_recipe_file_and_the_result_is_printed_and_stored(
    convstudy: Convstudy, pictures: Path, tmp_path: Path
) -> None:
    (tmp_path / "mine.yaml").write_text("epochs: 1\nlr: 1e-2\nschedule: step\nlabel-smoothing: 0.2\n")
    words = ("--data", "pictures", "--device", "cpu", "--threads", "1", "-c", "mine.yaml", "--output", "out")
    flags = ("--lr", "0.02", "--opt", "adamw", "--wd", "0.05", "--model-ema-decay", "0.9")
    said = convstudy("train", "small.py:Small", *words, *flags)
    assert said.status == 0, said.err
    stored = (tmp_path / "out/recipe.yaml").read_text()
    asked = {"epochs": 1, "lr": 0.02, "schedule": "step", "label_smoothing": 0.2, "optimizer": "adamw"}
    asked |= {"weight_decay": 0.05, "ema_decay": 0.9, "horizontal_flip": True}  # as photographs allow
    asked |= {"channels_last": True}  # as the network has it faster
    assert yaml.safe_load(stored) == json.loads((tmp_path / "out/run.json").read_text())["recipe"]
    assert yaml.safe_load(stored) == asdict(Recipe()) | asked
    assert all(f"  {line}" in said.out.splitlines() for line in stored.splitlines())
    again = convstudy("train", "small.py:Small", *words[:-4], "-c", "out/recipe.yaml", "--output", "again")
    assert again.status == 0, again.err
    weights = [(tmp_path / name / "weights.safetensors").read_bytes() for name in ("out", "again")]
    assert weights[0] == weights[1]


def test_the_file_says_whether_images_are_mirrored_unless_a_flag_does(
    convstudy: Convstudy, pictures: Path, tmp_path: Path
) -> None:
    (tmp_path / "still.yaml").write_text("horizontal-flip: false\nepochs: 1\n")
    words = ("train", "small.py:Small", "--data", "pictures", "--device", "cpu", "-c", "still.yaml", "--output")
    for flag, mirrored in (((), False), (("--flip",), True)):
        folder = f"out-{mirrored}"
        assert convstudy(*words, folder, *flag).status == 0
        assert json.loads((tmp_path / folder / "run.json").read_text())["recipe"]["horizontal_flip"] is mirrored


def test_every_setting_of_a_recipe_has_its_flag() -> None:
    settings = declared(Recipe).values()
    assert [each.name for each in settings] == [field.name for field in fields(Recipe)]
    for each in settings:
        assert f"--{each.name.replace('_', '-')}" in each.flags
    everything = [flag for each in FLAGGED.values() for spelling in spellings(each) for flag in spelling.split("/")]
    assert len(everything) == len(set(everything))


def test_in_a_file_the_other_spellings_of_a_flag_are_answered_with_the_setting() -> None:
    for each in declared(Recipe).values():
        names = {flag.strip("-") for flag in each.flags} - {each.name.replace("_", "-"), *each.about.aliases}
        for name in names:
            with pytest.raises(RecipeError) as caught:
                Recipe.from_dict({name: 1})
            assert str(caught.value) == f"a recipe has no '{name}'; did you mean '{each.name}'?"


def test_the_name_of_a_folder_is_printed_as_it_is(convstudy: Convstudy, pictures: Path) -> None:
    words = ("--data", "pictures", "--epochs", "1", "--device", "cpu", "--threads", "1", "--output", "a [/b] :cat:")
    said = convstudy("train", "small.py:Small", *words)
    assert said.status == 0, said.err
    assert "run: a [/b] :cat:\n" in said.out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("train", "net", "-c", "nowhere.yaml"), "nowhere.yaml cannot be read (No such file or directory)"),
        (("train", "net", "-c", "typo.yaml"), "typo.yaml: a recipe has no 'epoch'; did you mean 'epochs'?"),
        (("train", "net", "--opt", "adam"), "--opt is 'adam'; expected sgd or adamw; did you mean 'adamw'?"),
        (("train", "net", "--sched", "cos"), "--sched is 'cos'; expected cosine, linear, step, constant or one-cycle"),
        (("train", "net@w.pth", "--init", "xavier"), "--init xavier would overwrite the weights of net@w.pth"),
        (("train", "net", "--epoch", "3"), "No such option: --epoch"),
        (("train",), "no network to train; name one, as in `convstudy train resnet18 --data path/to/images`"),
        (("train", "resnet3A"), "no network is named 'resnet3A'; did you mean 'resnet34'?"),
        (("train", "net", "--seed", "-1"), "--seed is -1; expected a whole number from 0"),
        (("train", "net", "--epochs", "0"), "--epochs is 0; expected"),
        (("train", "net", "--resize", "16"), "net accepts only inputs of 32x32"),
        (("train", "--resume", "nowhere"), "nowhere holds no run "),
        (("train", "net", "--resume", "nowhere"), "--resume nowhere continues that run"),
        (("train", "net", "--output", "net.txt"), "net.txt already exists"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_bad_input_gets_one_line_and_writes_nothing(
    convstudy: Convstudy, tmp_path: Path, words: tuple[str, ...], message: str
) -> None:
    (tmp_path / "net.txt").touch()
    (tmp_path / "typo.yaml").write_text("epoch: 3")
    said = convstudy(*words)
    assert (said.status, said.out, said.err.count("\n")) == (2, "", 1)
    assert message in said.err
    assert {path.name for path in tmp_path.iterdir()} == {"net.txt", "typo.yaml"}
