"""Files of finished runs that were damaged, cut or lost; and runs that somebody else wrote."""

from __future__ import annotations

import io
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path

import pytest
from tests.conftest import Said

from convstudy.cli.compare import carry_out
from convstudy.cli.train import carry_out_training
from convstudy.errors import StudyError
from convstudy.study import Plan, RunFolder, open_run
from convstudy.study.runs.data_record import DataRecord
from convstudy.study.runs.digests import signed
from convstudy.study.runs.run_record import RunRecord
from convstudy.training import Recipe

Convstudy = Callable[..., Said]

MINE = """
from pathlib import Path
from torch import nn

Path({trace!r}).touch()

class Net(nn.Module):
    def __init__(self, num_classes=10, in_channels=1):
        super().__init__()
        self.fc = nn.Linear(in_channels * 32 * 32, num_classes)

    def forward(self, x):
        return self.fc(x.flatten(1))
"""
RECIPE = Recipe(epochs=1, warmup_epochs=0.5)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A comparison of one network, and a run of a network in the user's own file, which leaves a trace when it runs."""
    folder = tmp_path_factory.mktemp("written")
    carry_out(Plan(("net",), seeds=1, recipe=RECIPE, train_images=40, device="cpu", jobs=1), folder / "both")
    mine = folder / "mine.py"
    mine.write_text(MINE.format(trace=str(folder / "trace")))
    plan = Plan((f"{mine}:Net",), seeds=1, recipe=RECIPE, train_images=40, device="cpu")
    carry_out_training(plan, folder / "run", 1)
    mine.unlink()
    return folder


@pytest.fixture
def copied(written: Path, tmp_path: Path) -> Iterator[Path]:
    shutil.copytree(written / "both", tmp_path / "both")
    shutil.copytree(written / "run", tmp_path / "run")
    (written / "trace").unlink(missing_ok=True)
    yield tmp_path
    (written / "trace").unlink(missing_ok=True)


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-10])


@pytest.mark.parametrize("key", sorted({*RunRecord.__annotations__} - {"digest", "signature"}))
def test_a_value_of_another_type_in_a_record_is_one_line(copied: Path, key: str) -> None:
    run = RunFolder(copied / "both/net/seed-0")
    record = run.record()
    wrong: object = [[{}], 1] if isinstance(record.get(key), dict) else {"a": [None]}
    (run.path / "run.json").write_text(json.dumps(signed({**record, key: wrong})))
    with pytest.raises(StudyError, match=rf"run\.json cannot be read \({key}.*; delete this folder"):
        run.record()


@pytest.mark.parametrize("field", [each.name for each in fields(DataRecord)])
def test_a_value_of_another_type_in_the_record_of_the_data_is_one_line(copied: Path, field: str) -> None:
    run = RunFolder(copied / "both/net/seed-0")
    record = run.record()
    (run.path / "run.json").write_text(json.dumps(signed({**record, "data": {**record["data"], field: {"a": []}}})))
    with pytest.raises(StudyError, match=rf"run\.json cannot be read \({field}.*; delete this folder"):
        open_run(run.path).own_test_part()


@pytest.mark.parametrize("wrong", [{}, {"bytes": None, "sha256": ""}, [], None])
def test_digests_of_another_form_are_one_line(convstudy: Convstudy, copied: Path, wrong: object) -> None:
    (copied / "both/digests.json").write_text(json.dumps({"costs.json": wrong}))
    for words in (("verify", "both"), ("report", "both")):
        said = convstudy(*words)
        assert said.status in {1, 2}
        assert "digests.json cannot be read (costs.json" in said.out + said.err


@pytest.mark.parametrize("damage", [flip, cut, Path.unlink])
@pytest.mark.parametrize("name", ["start.json", "results.json", "images.npz", "results.csv"])
def test_damage_of_what_is_about_all_runs_is_one_line(
    convstudy: Convstudy, copied: Path, name: str, damage: Callable[[Path], None]
) -> None:
    whole = (copied / "both" / name).read_bytes()
    damage(copied / "both" / name)
    verified = convstudy("verify", "both")
    assert verified.status == 1
    assert f"both/{name}" in verified.out
    words = ("report", "both", *(("--format", "csv") if name == "results.csv" else ()))
    said = convstudy(*words)
    if name == "results.json" and damage is Path.unlink:  # then the comparison is not finished
        assert said.status == 0
        return
    assert (said.status, said.err.count("\n")) == (2, 1)
    assert f"both/{name}" in said.err
    assert "repeat the command" in said.err
    assert ("delete it" in said.err) == (damage is not Path.unlink)
    if name == "start.json" and damage is flip:
        (copied / "both" / name).unlink()
        compare = ("compare", "net", "--epochs", "1", "--warmup-epochs", "0.5", "--seeds", "1", "--train-images", "40")
        assert convstudy(*compare, "--device", "cpu", "--jobs", "1", "--output", "both").status == 0
        assert convstudy("verify", "both").status == 0
        assert (
            json.loads(whole)["protocol"]["data"]
            == json.loads((copied / "both" / name).read_text())["protocol"]["data"]
        )


def test_texts_of_others_do_not_act_on_the_terminal(convstudy: Convstudy, copied: Path) -> None:
    results, start = copied / "both/results.json", copied / "both/start.json"
    for path in (results, start):
        path.write_text(path.read_text().replace('"digits', '"\\u001b[2J\u202edigits'))
    (copied / "both/digests.json").unlink()
    said = [convstudy("report", "both", "--format", "markdown"), convstudy("watch", "both", "--once")]
    for out in (said[0].out, said[1].out):
        assert not {"\x1b", "\u202e"} & set(out)
    assert "\\u001b[2J" in said[0].out.replace("\\\\", "\\")
    (copied / "t.csv").write_text("id,label,prediction\na,0,1\nb,1,1\n")
    refused = convstudy("import", "t.csv", "--model", "a\x1b[2J", "--output", "new")
    assert (refused.status, refused.err.count("\n")) == (2, 1)
    assert not (copied / "new").exists()


COMMANDS = {
    "predictions.parquet": ("report", "both"),
    "epochs.csv": ("watch", "both", "--once"),
    "weights.safetensors": ("evaluate", "both"),
}


@pytest.mark.parametrize("damage", [flip, cut, Path.unlink])
@pytest.mark.parametrize("name", list(COMMANDS))
def test_damage_is_one_line(convstudy: Convstudy, copied: Path, name: str, damage: Callable[[Path], None]) -> None:
    assert convstudy("verify", "both").status == 0
    path = Path("both/net/seed-0") / name
    damage(copied / path)
    said = convstudy(*COMMANDS[name])
    assert (said.status, said.err.count("\n")) == (2, 1)
    assert str(path) in said.err
    verified = convstudy("verify", "both")
    assert verified.status == 1
    assert str(path) in verified.out
    assert "1 problem" in verified.out


@pytest.mark.parametrize("old", ['"top1": 0.', '"files"', '"digest"', '"seed": 0', '"sha256"'])
def test_a_changed_record_is_one_line(convstudy: Convstudy, copied: Path, old: str) -> None:
    path = copied / "both/net/seed-0/run.json"
    text = path.read_text()
    place = text.index(old) + len(old) - 2
    path.write_text(text[:place] + chr(ord(text[place]) ^ 1) + text[place + 1 :])
    for words in (("report", "both"), ("watch", "both", "--once"), ("evaluate", "both")):
        said = convstudy(*words)
        assert (said.status, said.err.count("\n")) == (2, 1)
        assert "both/net/seed-0/run.json" in said.err
    assert convstudy("verify", "both").status == 1


def test_a_run_without_digests_is_read(convstudy: Convstudy, copied: Path) -> None:
    path = copied / "both/net/seed-0/run.json"
    record = json.loads(path.read_text())
    path.write_text(json.dumps({k: v for k, v in record.items() if k not in {"files", "digest", "signature"}}))
    for words in (("report", "both"), ("evaluate", "both"), ("verify", "both")):
        assert convstudy(*words).status == 0


USES = [("evaluate", "run"), ("export", "run", "--format", "safetensors"), ("predict", "run", "one.png")]


@pytest.mark.parametrize("words", USES)
def test_code_of_somebody_else_runs_only_if_the_user_says_so(
    convstudy: Convstudy, written: Path, copied: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    from PIL import Image  # noqa: PLC0415

    Image.new("L", (8, 8)).save(copied / "one.png")
    said = convstudy(*words)
    assert said.status == 0
    assert (written / "trace").exists()  # it was written here, and is trusted
    (written / "trace").unlink()
    monkeypatch.setenv("CONVSTUDY_STATE", str(copied / "state-of-somebody-else"))
    forget(written, copied)
    said = convstudy(*words)
    assert (said.status, said.err.count("\n")) == (2, 1)
    assert "run/model.py" in said.err
    assert "--trust" in said.err
    assert not (written / "trace").exists()
    assert convstudy(*words, "--trust").status == 0
    assert (written / "trace").exists()


def forget(written: Path, copied: Path) -> None:
    for name, module in list(sys.modules.items()):
        if str(copied) in (getattr(module, "__file__", "") or ""):
            del sys.modules[name]


@pytest.mark.parametrize(("answer", "status"), [("y\n", 0), ("n\n", 2)])
def test_the_user_is_asked(
    convstudy: Convstudy,
    written: Path,
    copied: Path,
    monkeypatch: pytest.MonkeyPatch,
    answer: str,
    status: int,
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setenv("CONVSTUDY_STATE", str(copied / "state-of-somebody-else"))
    monkeypatch.setattr(sys, "stdin", Terminal(answer))
    said = convstudy("evaluate", "run")
    assert said.status == status
    assert "run/model.py" in said.err
    assert (written / "trace").exists() == (status == 0)


def test_changed_code_of_ones_own_run_is_not_run(convstudy: Convstudy, written: Path, copied: Path) -> None:
    with (copied / "run/model.py").open("a") as file:
        file.write("# changed\n")
    said = convstudy("evaluate", "run")
    assert said.status == 2
    assert "run/model.py" in said.err.splitlines()[-1]
    assert not (written / "trace").exists()


def test_a_run_that_somebody_else_started_is_not_continued_unasked(
    convstudy: Convstudy, copied: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (copied / "theirs.py").write_text(MINE.format(trace=str(copied / "trace")))
    train = ("train", "theirs.py:Net", "--epochs", "1", "--train-images", "40", "--device", "cpu", "--threads", "1")
    assert convstudy(*train, "--output", "begun").status == 0
    (copied / "begun/run.json").unlink()
    (copied / "trace").unlink()
    for name in [name for name in sys.modules if name.startswith("theirs")]:
        del sys.modules[name]
    with monkeypatch.context() as elsewhere:
        elsewhere.setenv("CONVSTUDY_STATE", str(copied / "state-of-somebody-else"))
        said = convstudy("train", "--resume", "begun")
        assert (said.status, said.err.count("\n")) == (2, 1)
        assert "theirs.py" in said.err
        assert not (copied / "trace").exists()
        assert convstudy("train", "--resume", "begun", "--trust").status == 0
    (copied / "begun/run.json").unlink()
    assert convstudy("train", "--resume", "begun").status == 0


@pytest.mark.skipif(os.name != "posix", reason="POSIX modes")
def test_nobody_else_can_read_the_key(written: Path) -> None:
    key = Path(os.environ["CONVSTUDY_STATE"]) / "signing.key"
    assert key.stat().st_mode & 0o077 == 0
    assert len(key.read_bytes()) == 32
