"""Names and streams that do not hold every letter: found before the first epoch, or of no matter."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.conftest import Said
from tests.started import Started

Convstudy = Callable[..., Said]

TRAIN = ("train", "net", "--epochs", "1", "--train-images", "40", "--device", "cpu", "--threads", "1")


@pytest.mark.parametrize(
    ("encoding", "errors"),
    [
        *[(name, "strict") for name in ("ascii", "latin-1", "cp437", "shift_jis")],
        ("ascii", "surrogateescape"),  # as Python opens it in the locale C
    ],
)
def test_standard_output_in_another_encoding(
    convstudy: Convstudy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, encoding: str, errors: str
) -> None:
    written = io.BytesIO()
    with monkeypatch.context() as changed:
        stream = io.TextIOWrapper(written, encoding=encoding, errors=errors, write_through=True)
        changed.setattr(sys, "stdout", stream)
        said = convstudy("summary", "net")
    assert (said.status, said.err) == (0, "")
    assert b"62,006" in written.getvalue()
    stream.detach()


@pytest.mark.parametrize("name", ["run[/b]", "[bold]run[/]", "run\\"])
def test_markup_in_names_is_text(convstudy: Convstudy, tmp_path: Path, name: str) -> None:
    said = convstudy(*TRAIN, "--output", name)
    assert (said.status, said.err) == (0, "")
    assert f"run: {name}\n" in said.out
    assert json.loads((tmp_path / name / "run.json").read_text())["model"] == "net"


@pytest.mark.parametrize(
    "words",
    [
        (*TRAIN, "--output", "run\udcff"),
        ("train", "\udcff.py:Net", *TRAIN[2:], "--output", "run"),
        ("compare", "net", "lenet5", *TRAIN[2:], "--output", "run\udcff"),
        ("import", "theirs.csv", "--model", "theirs", "--output", "run\udcff"),
        ("import", "theirs.csv", "--model", "\udcff", "--output", "run"),
    ],
)
def test_names_that_are_not_utf8_are_refused_before_anything_is_written(
    convstudy: Convstudy, tmp_path: Path, words: tuple[str, ...]
) -> None:
    (tmp_path / "theirs.csv").write_text("id,label,prediction\na,0,0\nb,1,1\n")
    (tmp_path / "\udcff.py").write_text("from torch import nn\nNet = nn.Linear(1, 1)\n")
    before = sorted(tmp_path.iterdir())
    said = convstudy(*words)
    assert (said.status, said.err.count("\n")) == (2, 1)
    assert "udcff" in said.err
    assert sorted(path for path in tmp_path.iterdir() if path.name != "__pycache__") == before


def test_a_run_in_a_folder_whose_name_is_not_utf8(
    convstudy: Convstudy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "caf\udce9").mkdir()
    monkeypatch.chdir(tmp_path / "caf\udce9")
    said = convstudy(*TRAIN, "--output", "run")
    assert (said.status, said.err.count("\n")) == (2, 1)
    assert list((tmp_path / "caf\udce9").iterdir()) == []


def test_a_model_card_of_a_file_whose_name_is_not_utf8(convstudy: Convstudy, tmp_path: Path) -> None:
    assert convstudy(*TRAIN, "--output", "run").status == 0
    file = "cards/caf\udce9.safetensors"
    words = ("export", "run", "--format", "safetensors", "--no-check", "--card", "--output", file)
    with Started(tmp_path, *words) as started:  # whose output is no text
        pass
    assert started.poll() == 0
    assert "caf\\udce9.safetensors" in (tmp_path / "cards/README.md").read_text(encoding="utf-8")
