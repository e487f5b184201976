"""`convstudy train` where memory or disk is full, a folder closed, data changed or the loss lost: one clear line."""

from __future__ import annotations

import errno
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from tests.conftest import Said

from convstudy.study.runs import sole
from convstudy.study.runs.claim import Claimant
from convstudy.study.runs.folder import RunFolder

Convstudy = Callable[..., Said]

WORDS = ("train", "small.py:Small", "--data", "pictures", "--epochs", "2", "--device", "cpu", "--threads", "1")
TO_OUT = (*WORDS, "--output", "out")
NARROW = """
import torch
from small import Small

class Narrow(Small):
    room = {room}

    def forward(self, x):
        if self.training and len(x) > self.room:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB.\\nSee the documentation")
        return super().forward(x)
"""
LOST = """
from small import Small

class Lost(Small):
    seen = 0

    def forward(self, x):
        self.seen += self.training
        return super().forward(x) * (float("nan") if self.seen > 5 else 1)
"""
FULL = "No space left on device"


@pytest.mark.parametrize("room", [6, 0])
def test_memory_is_full(convstudy: Convstudy, pictures: Path, tmp_path: Path, room: int) -> None:
    (tmp_path / "narrow.py").write_text(NARROW.format(room=room))
    said = convstudy("train", "narrow.py:Narrow", *WORDS[2:], "-b", "10", "--output", "out")
    if room:
        assert (said.status, said.err) == (0, "")
        (note,) = json.loads((tmp_path / "out/run.json").read_text())["notes"]
        assert re.findall(r"\d+", note) == ["8", "2", "1"]  # images at once, parts, epoch
        assert said.out.splitlines().count(note) == 1
    else:
        assert said.status == 2
        assert said.err.startswith("error: out of memory with a single image")
        assert said.err.count("\n") == 1


@pytest.mark.parametrize("seen", [True, False], ids=["lives", "beats"])
def test_another_process_works_on_the_run(
    convstudy: Convstudy, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seen: bool
) -> None:
    (tmp_path / "out").mkdir()
    claim = Claimant().take(tmp_path / "out")
    assert claim is not None
    if not seen:  # on a machine whose locks are not seen from here
        monkeypatch.setattr(sole, "holder_lives", lambda folder: claim.beat())
    said = convstudy(*TO_OUT)
    assert said.status == 2
    assert said.err.count("\n") == 1
    assert f"out: process {os.getpid()} on " in said.err
    assert "--output" in said.err
    assert not (tmp_path / "out/run.json").exists()
    claim.release()
    assert convstudy(*TO_OUT).status == 0
    assert not list((tmp_path / "out").glob(".claim-*"))


def test_a_folder_that_was_moved_is_not_made_anew(
    convstudy: Convstudy, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def move(self: RunFolder, epochs: object) -> None:
        write(self, epochs)  # type: ignore[arg-type]
        shutil.move(tmp_path / "out", tmp_path / "moved")

    write = RunFolder.write_epochs
    monkeypatch.setattr(RunFolder, "write_epochs", move)
    said = convstudy(*TO_OUT)
    assert (said.status, said.err.count("\n")) == (2, 1)
    assert "out was moved or deleted" in said.err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS])
@pytest.mark.parametrize(
    ("name", "time"),
    [
        ("train.json", 1),
        ("recipe.yaml", 1),
        ("checkpoint.pt", 1),
        ("epochs.csv", 1),
        ("checkpoint.pt", 2),
        ("weights.safetensors", 1),
        ("predictions.parquet", 1),
        ("run.json", 1),
    ],
)
def test_a_file_cannot_be_written_and_later_it_can(
    convstudy: Convstudy,
    pictures: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    time: int,
    number: int,
) -> None:
    into_place, tried = Path.replace, list[Path]()

    def replace(self: Path, target: Path) -> Path:
        if target == Path("out") / name:
            tried.append(target)
            if len(tried) == time:
                raise OSError(number, os.strerror(number))
        return into_place(self, target)

    with monkeypatch.context() as full:
        full.setattr(Path, "replace", replace)
        said = convstudy(*TO_OUT)
    assert said.status == 2
    assert said.err.startswith(f"error: out/{name} cannot be written ({os.strerror(number)}); ")
    assert said.err.count("\n") == 1
    assert not list((tmp_path / "out").glob(".*"))
    assert not (tmp_path / "out/run.json").exists()
    again, whole = convstudy(*TO_OUT), convstudy(*WORDS, "--output", "whole")
    assert (again.status, again.err, whole.status) == (0, "", 0)
    for kept in ("weights.safetensors", "predictions.parquet"):
        assert (tmp_path / "out" / kept).read_bytes() == (tmp_path / "whole" / kept).read_bytes()
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        path.name for path in (tmp_path / "whole").iterdir()
    }


def on_a_disk_of_its_own(folder: Path, size: str, script: str) -> str:
    """Run a script where `out` is a tmpfs, in a namespace of its own."""
    (folder / "out").mkdir()
    unshared = ["unshare", "--map-root-user", "--mount"]
    if not shutil.which("unshare") or subprocess.run([*unshared, "true"], capture_output=True, check=False).returncode:
        pytest.skip("no disk can be mounted here")
    done = subprocess.run(
        [*unshared, "sh", "-c", f"mount -t tmpfs -o size={size} none out || exit 77; {script}"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode == 77:
        pytest.skip("no disk can be mounted here")
    return done.stdout


FILLING = """
import contextlib, io, json, os, subprocess, sys
from convstudy.cli.app import main

def train():
    sys.argv = ["convstudy", *words]
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()) as err:
        try:
            main()
        except SystemExit as exit_:
            return exit_.code, err.getvalue()

sizes, words = json.loads(sys.argv[1]), json.loads(sys.argv[2])
for size in sizes:
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "none", "out"], check=True)
    first = train()
    subprocess.run(["mount", "-o", "remount,size=9m", "out"], check=True)
    print(json.dumps([size, *first, *train(), os.listdir("out/run")]), flush=True)
subprocess.run(["mount", "-t", "tmpfs", "-o", "ro", "none", "out"], check=True)
print(json.dumps(train()))
"""


@pytest.mark.slow
def test_a_disk_is_full_or_read_only(pictures: Path, tmp_path: Path) -> None:
    sizes = ["4k", "20k", "44k"]  # too small for train.json, for the checkpoint and for the weights
    (tmp_path / "filling.py").write_text(FILLING)
    words = [sys.executable, "filling.py", json.dumps(sizes), json.dumps([*WORDS, "--output", "out/run"])]
    *told, read_only = map(json.loads, on_a_disk_of_its_own(tmp_path, "1m", shlex.join(words)).splitlines())
    assert read_only == [2, "error: out/run cannot be written (Read-only file system); choose another --output\n"]
    assert [size for size, *_ in told] == sizes
    for _, status, error, later_status, later_error, left in told:
        assert (status, later_status, later_error) == (2, 0, "")
        assert error.startswith("error: out/run/")
        assert FULL in error
        assert "run.json" in left


def test_a_folder_that_cannot_be_written_is_named(convstudy: Convstudy, pictures: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    said = convstudy(*WORDS, "--output", "file/run")
    assert (said.status, said.out) == (2, "")
    assert said.err == "error: file/run cannot be written (Not a directory); choose another --output\n"


def test_data_that_have_changed_are_refused(convstudy: Convstudy, pictures: Path, tmp_path: Path) -> None:
    assert convstudy(*TO_OUT).status == 0
    (tmp_path / "out/run.json").unlink()  # as if it had been interrupted
    Image.new("RGB", (24, 20), "white").save(pictures / "train/red/0.png")
    before = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    for words in (TO_OUT, ("train", "--resume", "out")):
        said = convstudy(*words)
        assert (said.status, said.out) == (2, "")
        assert said.err == (
            "error: out was started with other images or labels: pictures has changed since; "
            "restore the data, or choose another --output\n"
        )
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == before


def test_a_lost_loss_is_said_and_what_was_written_stays(convstudy: Convstudy, pictures: Path, tmp_path: Path) -> None:
    (tmp_path / "lost.py").write_text(LOST)
    said = convstudy("train", "lost.py:Lost", *WORDS[2:], "-b", "10", "--output", "out")
    assert said.status == 2
    line = "error: lost.py:Lost, seed 0: the loss is nan at epoch 2, step 2, with a learning rate of "
    assert said.err.startswith(line)
    assert {path.name for path in (tmp_path / "out").iterdir()} >= {"checkpoint.pt", "epochs.csv"}
    assert convstudy("train", "--resume", "out").status == 0  # its first epoch is not lost: it goes on from there
