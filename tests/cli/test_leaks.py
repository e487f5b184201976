"""Files that are made to be passed on hold no path that was not typed, no source line, and nothing that runs."""

from __future__ import annotations

import csv
import json
import platform
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tests.conftest import Said

Convstudy = Callable[..., Said]

MINE = """
from torch import nn

class Net(nn.Module):
    def __init__(self, num_classes=10, in_channels=1):
        super().__init__()
        self.fc = nn.Linear(in_channels * 32 * 32, num_classes)

    def forward(self, image_of_ours):
        return self.fc(image_of_ours.flatten(1)).relu()
"""
TRAIN = ("--epochs", "1", "--train-images", "40", "--device", "cpu", "--threads", "1")


@pytest.mark.parametrize("output_format", ["onnx", "safetensors"])
def test_exports_hold_no_paths_and_no_source(convstudy: Convstudy, tmp_path: Path, output_format: str) -> None:
    folder = tmp_path / "secret project" / "nets"
    folder.mkdir(parents=True)
    (folder / "mine.py").write_text(MINE)
    assert convstudy("train", f"{folder / 'mine.py'}:Net", *TRAIN, "--output", "run").status == 0
    assert convstudy("export", "run", "--format", output_format, "--output", "exported").status == 0
    content = (tmp_path / "exported").read_bytes()
    assert b"nets/mine.py:Net" in content
    for secret in ("secret project", str(tmp_path), "image_of_ours", "relu()", "site-packages", "stack_trace"):
        assert secret.encode() not in content


def test_cells_are_no_formulas_and_names_no_markdown(convstudy: Convstudy, tmp_path: Path) -> None:
    names = ["=1+1", "+1", "-1", "@SUM(1)", "<b>bold</b>", "[a](http://b)", "`c`", "*d*|e"]
    for place, name in enumerate(names):
        lines = [f"{number},{number % 3},{(number + (number % (place + 2) == 0)) % 3}" for number in range(40)]
        (tmp_path / "theirs.csv").write_text("\n".join(["id,label,prediction", *lines]))
        assert convstudy("import", "theirs.csv", f"--model={name}", "--output", "out").status == 0
    with (tmp_path / "out/results.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["name"] for row in rows] == [*(f"'{name}" for name in names[:4]), *names[4:]]
    results = json.loads((tmp_path / "out/results.json").read_text())
    assert [model["name"] for model in results["models"]] == names
    text = convstudy("report", "out", "--format", "markdown").out
    assert "<b>" not in text
    assert "](http" not in text
    assert "*d*" not in text.replace("\\*", "")
    assert text.count("`c`") == text.count("\\`c\\`") == 0 or "`c`" not in text.replace("\\`", "")


def test_what_a_killed_process_left_is_removed_by_the_next_start(convstudy: Convstudy, tmp_path: Path) -> None:
    train = ("train", "net", *TRAIN, "--output", "run")
    compare = ("compare", "net", *TRAIN, "--seeds", "1", "--jobs", "1", "--output", "both")
    for words, folder in ((train, tmp_path / "run"), (compare, tmp_path / "both/net/seed-0")):
        assert convstudy(*words).status == 0
        before = sorted(folder.iterdir())
        (folder / "process.json").write_text('{"host": "elsewhere", "pid": 1, "started": 0}')
        (folder / ".convstudy-0123456789abcdef.part").write_text("half")
        assert convstudy(*words).status == 0
        assert sorted(folder.iterdir()) == before


PRIVATE = {"study.yaml", "train.json", "run.json"}  # for repeating and continuing on this machine


def test_a_study_run_in_a_folder_with_a_name_tells_nothing_of_it(
    convstudy: Convstudy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(platform, "node", lambda: "host-of-ursula")
    monkeypatch.setenv("USER", "ursula")
    monkeypatch.setenv("TOKEN_OF_URSULA", "token-of-ursula")
    home = tmp_path / "home" / "ursula" / "secret project"
    (home / "nets").mkdir(parents=True)
    (home / "data").mkdir()
    (home / "nets/mine.py").write_text(MINE)
    random, numbers = np.random.default_rng(0), np.arange(36) % 3
    pixels = random.integers(0, 255, (36, 16, 16), np.uint8)
    np.savez(home / "data/shapes.npz", x_train=pixels, y_train=numbers, x_test=pixels[:18] // 2, y_test=numbers[:18])
    mine, out = f"{home}/nets/mine.py:Net", home / "out"
    train = ("--data", home / "data/shapes.npz", "--epochs", "1", "--warmup-epochs", "0", "--device", "cpu")
    compared = convstudy("compare", mine, "net", *train, "--seeds", "1", "--jobs", "1", "--output", out)
    assert compared.status == 0
    shared = tmp_path / "shared"
    for name in ("markdown", "latex", "json", "csv"):
        assert convstudy("report", out, "--format", name, "--output", shared / f"report.{name}").status == 0
    assert convstudy("data", "inspect", home / "data/shapes.npz", "--sheet", shared / "sheet.html").status == 0
    for name in ("svg", "pdf"):
        assert convstudy("draw", mine, "--input", "1x32x32", "--output", shared / f"net.{name}").status == 0
    for words in (("explain", mine, "--format", "html"), ("summary", mine, "--format", "html")):
        (shared / f"{words[0]}.html").write_text(convstudy(*words, "--input", "1x32x32").out)
    (run,) = (path.parent for path in out.glob("*mine*/seed-0/run.json"))
    for name in ("onnx", "safetensors"):
        assert convstudy("export", run, "--format", name, "--output", shared / f"net.{name}").status == 0
    files = [path for path in (*out.rglob("*"), *shared.rglob("*")) if path.is_file()]
    files = [path for path in files if path.name not in PRIVATE and not path.name.startswith(".claim-")]
    assert {path.name for path in files} >= {"report.html", "results.json", "start.json", "comparison.json", "net.onnx"}
    for path in files:
        for secret in ("ursula", "secret project", "secret%20project", str(tmp_path)):
            assert secret.encode() not in path.read_bytes(), path.name
    assert b"nets/mine.py:Net" in (out / "results.json").read_bytes()
    assert convstudy("evaluate", run).status == 0  # what is private suffices
    assert convstudy("compare", "-c", out / "study.yaml", "--jobs", "1", "--output", out).status == 0
