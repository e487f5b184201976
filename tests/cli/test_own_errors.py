"""Errors of a user's network: one line with file and line, status 2, and the rest with `--traceback`."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.conftest import Said

Convstudy = Callable[..., Said]

BASE = """
import sys, torch
from torch import nn

class Base(nn.Module):
    def __init__(self, num_classes=10, in_channels=1):
        super().__init__()
        self.fc = nn.Linear(in_channels * 32 * 32, num_classes)

    def forward(self, x):
        return self.fc(x.flatten(1))
"""
TRAINING = """
class Net(Base):
    def forward(self, x):
        if self.training:
            {statement}  # here
        return super().forward(x)
"""
WRONG = """
class Net(Base):
    def forward(self, x):  # here
        output = super().forward(x)
        return {value} if self.training else output
"""
FIRST = """
class Net(Base):
    def forward(self, x):
        return self.nothing(x)  # here
"""
WITHOUT_ATTRIBUTES = """
class Net(Base):
    def __getattr__(self, name):
        raise RuntimeError("no attributes")  # here
"""
WITHOUT_TEXT = """
class Mute(Exception):
    def __str__(self):
        return 1 / 0

class Net(Base):
    def forward(self, x):
        raise Mute  # here
"""
BUILT = """
class Net(Base):
    def __init__(self, num_classes=10, in_channels=1):
        super().__init__(num_classes, in_channels)
        self.more = {statement}  # here
"""
TRAIN = ("--epochs", "1", "--train-images", "40", "--device", "cpu", "--threads", "1")


def words_for(folder: Path, text: str) -> tuple[tuple[str, ...], str]:
    """Write a file with the network; return the words that train it, and the place of its error."""
    file = folder / f"net_{abs(hash(text))}.py"
    file.write_text(BASE + text)
    line = next(number for number, each in enumerate(file.read_text().splitlines(), 1) if "# here" in each)
    return ("train", f"{file}:Net", *TRAIN, "--output", "out"), f"({file}, line {line})"


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (TRAINING.format(statement="raise ValueError('first\\nsecond')"), "ValueError"),
        (TRAINING.format(statement="sys.exit(0)"), "SystemExit"),
        (TRAINING.format(statement="raise GeneratorExit"), "GeneratorExit"),
        (TRAINING.format(statement="open('/no/such/file')"), "/no/such/file"),
        (FIRST, "nothing"),
        (WITHOUT_ATTRIBUTES, "no attributes"),
        (WITHOUT_TEXT, "Mute"),
        (BUILT.format(statement="{}['key']"), "KeyError"),
        (BUILT.format(statement="sys.exit(0)"), "sys.exit(0)"),
        (WRONG.format(value="output[:, :3]"), "3)"),
        (WRONG.format(value="output.detach()"), "gradient"),
        (WRONG.format(value="{'logits': output}"), "dict"),
    ],
)
def test_an_error_of_the_network_is_one_line(convstudy: Convstudy, tmp_path: Path, text: str, named: str) -> None:
    words, place = words_for(tmp_path, text)
    said = convstudy(*words)
    assert (said.status, said.err.count("\n")) == (2, 1)
    assert named in said.err
    assert place in said.err
    assert not (tmp_path / "out/run.json").exists()
    again = convstudy(*words, "--traceback")
    assert again.status == 2
    assert again.err.startswith("Traceback")
    assert again.err.splitlines()[-1] == said.err.strip()
    assert convstudy("--traceback", *words).err.splitlines()[-1] == said.err.strip()


def test_memory_that_no_machine_has_is_one_line(convstudy: Convstudy, tmp_path: Path) -> None:
    words, _ = words_for(tmp_path, TRAINING.format(statement="torch.zeros(10**15)"))
    said = convstudy(*words)
    assert (said.status, said.err.count("\n")) == (2, 1)
    assert "memory" in said.err


def test_a_network_that_ends_the_program_does_not_end_a_comparison(convstudy: Convstudy, tmp_path: Path) -> None:
    words, place = words_for(tmp_path, TRAINING.format(statement="sys.exit(0)"))
    said = convstudy("compare", words[1], "net", "--seeds", "1", *TRAIN[:-2], "--jobs", "1", "--output", "out")
    assert said.status == 1
    assert place in said.err
    assert len(list((tmp_path / "out").glob("net/seed-0/run.json"))) == 1


def test_a_network_that_ends_the_program_when_it_is_used(convstudy: Convstudy, tmp_path: Path) -> None:
    text = TRAINING.format(statement="pass").replace("return", "\n        if len(x) == 7: sys.exit(0)\n        return")
    words, _ = words_for(tmp_path, text)
    assert convstudy(*words).status == 0
    pictures = [tmp_path / f"{number}.png" for number in range(7)]
    for path in pictures:
        from PIL import Image  # noqa: PLC0415

        Image.new("L", (8, 8)).save(path)
    said = convstudy("predict", "out", *pictures)
    assert (said.status, said.out, said.err.count("\n")) == (2, "", 1)
    assert re.search(r"sys\.exit\(0\) \(.*, line \d+\)", said.err)


def test_a_tilde_that_the_shell_leaves_is_the_home_folder(
    convstudy: Convstudy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    said = convstudy("train", "net", *TRAIN, "--output=~/run")
    assert (said.status, said.err) == (0, "")
    assert json.loads((tmp_path / "home/run/run.json").read_text())["model"] == "net"
    assert not (tmp_path / "~").exists()


def test_a_folder_named_like_home_is_one_place(
    convstudy: Convstudy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))  # pandas and pyarrow would take `~` for it
    (tmp_path / "home").mkdir()
    (tmp_path / "~").mkdir()
    (tmp_path / "~/theirs.csv").write_text("id,label,prediction\na,0,0\nb,1,1\n")
    assert convstudy("train", "net", *TRAIN, "--output", "~/run").status == 0
    assert convstudy("evaluate", "~/run").status == 0
    assert convstudy("import", "~/theirs.csv", "--model", "theirs", "--output", "~/both").status == 0
    assert list((tmp_path / "home").iterdir()) == []


def test_exceptions_of_any_kind_at_import(convstudy: Convstudy, tmp_path: Path) -> None:
    wrong = "class Odd({}):\n    def __str__(self):\n        return 'no' * 10_000 if {} else 1 / 0\n\nraise Odd\n"
    for name, base, said_so in (("a", "BaseException", True), ("b", "Exception", True), ("c", "Exception", False)):
        (tmp_path / f"{name}.py").write_text(wrong.format(base, said_so))
        said = convstudy("summary", f"{name}.py:Net")
        assert (said.status, said.err.count("\n")) == (2, 1)
        assert f"{name}.py, line 5" in said.err
        assert "Odd" in said.err
        assert len(said.err) < 600


@pytest.mark.parametrize("name", ["sys:exit", "builtins:object", "collections:OrderedDict", "itertools:chain"])
def test_what_is_built_into_python_is_no_network(convstudy: Convstudy, name: str) -> None:
    said = convstudy("summary", name)
    assert (said.status, said.err.count("\n")) == (2, 1)
    assert name.partition(":")[2] in said.err


@pytest.mark.parametrize(
    "words",
    [
        ("quiz", "--output", "ring"),
        ("quiz", "--output", "quiz.md", "--answers", "ring"),
        ("draw", "net", "--output", "ring"),
        ("import", "theirs.csv", "--model", "theirs", "--output", "ring"),
        ("train", "net", "--data", "ring"),
    ],
)
def test_links_in_a_circle(convstudy: Convstudy, tmp_path: Path, words: tuple[str, ...]) -> None:
    (tmp_path / "theirs.csv").write_text("id,label,prediction\na,0,0\nb,1,1\n")
    (tmp_path / "ring").symlink_to("gnir")
    (tmp_path / "gnir").symlink_to("ring")
    said = convstudy(*words)
    assert (said.status, said.err.count("\n")) == (2, 1)
    assert "ring" in said.err
    assert not (tmp_path / "quiz.md").exists()  # both files of a quiz, or none
