"""`file.py:Net@weights.pth`: a network of one's own that starts from trained weights."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from tests.cli.conftest import write_images
from tests.conftest import Said

from convstudy.study.models.opening import open_model

Convstudy = Callable[..., Said]

SHORT = ("--epochs", "1", "--lr", "1e-12", "--device", "cpu", "--threads", "1", "--output")
FIXED = """
from small import Small
from torch import nn

class Three(Small):
    def __init__(self):
        super().__init__(num_classes=3)

class Odd(Three):
    def __init__(self):
        super().__init__()
        self.after = nn.PReLU()
"""
HEAD = {"5.weight", "5.bias"}


@pytest.fixture
def weights(pictures: Path, tmp_path: Path) -> dict[str, torch.Tensor]:
    """Weights of `small.py:Small` in `best.pth.tar`, which does not state their classes; beside it `fixed.py`."""
    (tmp_path / "fixed.py").write_text(FIXED)
    torch.manual_seed(5)
    state: dict[str, Any] = open_model(f"{tmp_path}/small.py:Small").build(3, 3).state_dict()
    torch.save({"state_dict": {f"module.{key}": value for key, value in state.items()}}, tmp_path / "best.pth.tar")
    return state


def changed(given: dict[str, torch.Tensor], run: Path) -> set[str]:
    """The learnable entries that are not those of the given weights."""
    found = load_file(run / "weights.safetensors")
    learnable = {key for key in given if not key.startswith("1.running") and "num_batches" not in key}
    return {key for key in learnable if not torch.allclose(found[key], given[key], atol=1e-6)}


def notes(run: Path) -> str:
    return " ".join(json.loads((run / "run.json").read_text())["notes"])


@pytest.mark.parametrize("network", ["small.py:Small", "fixed.py:Three"])
def test_a_network_of_one_s_own_starts_from_weights_with_a_new_head(
    convstudy: Convstudy, weights: dict[str, torch.Tensor], tmp_path: Path, network: str
) -> None:
    said = convstudy("train", f"{network}@best.pth.tar", "--data", "pictures", *SHORT, "out")
    assert said.status == 0, said.err
    assert changed(weights, tmp_path / "out") == HEAD
    assert "classifier is new" in " ".join(said.out.split())
    assert "classes of its weights are not known" in notes(tmp_path / "out")
    (tmp_path / "best.pth.tar").unlink()  # the run has its own weights
    (tmp_path / network.partition(":")[0]).rename(tmp_path / "elsewhere.py")  # and its own copy of the code
    said = convstudy("evaluate", "out", "--format", "json")
    assert said.status == 0, said.err


def test_its_head_is_kept_for_the_same_classes_only(
    convstudy: Convstudy, weights: dict[str, torch.Tensor], tmp_path: Path
) -> None:
    assert convstudy("train", "small.py:Small", "--data", "pictures", *SHORT, "before").status == 0
    trained = load_file(tmp_path / "before/weights.safetensors")
    again = "small.py:Small@before/weights.safetensors"
    assert convstudy("train", again, "--data", "pictures", *SHORT, "same").status == 0
    assert changed(trained, tmp_path / "same") == set()
    assert "is kept" in notes(tmp_path / "same")
    write_images(tmp_path / "others")
    (tmp_path / "others/red").rename(tmp_path / "others/violet")
    assert convstudy("train", again, "--data", "others", "--seed", "3", *SHORT, "other").status == 0
    assert changed(trained, tmp_path / "other") == HEAD
    assert "'red', here 'violet'" in notes(tmp_path / "other")


def test_weights_that_have_seen_the_tested_images_are_warned_of(
    convstudy: Convstudy, weights: dict[str, torch.Tensor], tmp_path: Path
) -> None:
    assert convstudy("train", "small.py:Small", "--data", "pictures", *SHORT, "before").status == 0
    again = "small.py:Small@before/weights.safetensors"
    said = convstudy("train", again, "--data", "pictures", *SHORT, "honest")
    assert (said.status, said.err) == (0, "")
    said = convstudy("train", again, "--data", "pictures/train", *SHORT, "leaking")
    assert said.status == 0, said.err
    [warning] = said.err.splitlines()
    assert " of the 9 images that are tested" in warning
    assert again in warning


def test_weights_and_code_decide_which_run_it_is(
    convstudy: Convstudy, weights: dict[str, torch.Tensor], tmp_path: Path
) -> None:
    words = ("train", "small.py@best.pth.tar", "--data", "pictures", *SHORT, "out")  # the only network of the file
    assert convstudy(*words).status == 0
    torch.save({key: value + 1 for key, value in weights.items()}, tmp_path / "best.pth.tar")
    assert convstudy(*words).status == 2


@pytest.mark.parametrize(
    ("network", "words"),
    [
        ("small.py:Small@", "names no weights"),
        ("small.py:Small@imagenet", "no official weights"),
        ("small.py:Small@nowhere.pth", "nowhere.pth does not exist"),
        ("small.py:Name@best.pth.tar", "Small"),
        ("fixed.py:Odd@best.pth.tar", "lacks after.weight"),
    ],
)
def test_what_cannot_be_opened_is_one_line(
    convstudy: Convstudy, weights: dict[str, torch.Tensor], network: str, words: str
) -> None:
    said = convstudy("train", network, "--data", "pictures", *SHORT, "out")
    assert (said.status, said.err.count("\n")) == (2, 1)
    assert words in said.err


def test_a_classifier_that_cannot_be_told_is_not_replaced_in_silence(
    convstudy: Convstudy, weights: dict[str, torch.Tensor], tmp_path: Path
) -> None:
    torch.save(weights | {"after.weight": torch.ones(1)}, tmp_path / "odd.pth")
    said = convstudy("train", "fixed.py:Odd@odd.pth", "--data", "pictures", *SHORT, "out")
    assert (said.status, said.err.count("\n")) == (2, 1)
    assert "num_classes" in said.err
