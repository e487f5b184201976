"""Files that are made to be passed on hold no path that was not typed, no source line, and nothing that runs."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

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
