"""A run that fails is recorded with its reason, and stops no other run."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from convstudy.study.runs import claim, workers
from convstudy.training import stream_seed
from tests.conftest import Said
from tests.started import Started

Convstudy = Callable[..., Said]
OWN = """
import os, signal, time
from pathlib import Path
import torch
from torch import nn

class Moody(nn.Module):
    def __init__(self, num_classes, in_channels=1):
        super().__init__()
        self.bad = torch.initial_seed() == BAD
        self.layers = nn.Sequential(nn.Flatten(), nn.Linear(in_channels * 32 * 32, num_classes))

    def forward(self, x):
        if self.training and self.bad and x.device.type == "cpu":
            FAIL
        return self.layers(x)
"""
ERROR = 'raise ValueError("a bad\\n day")'
WORDS = ("--seeds", "2", "--epochs", "1", "--warmup-epochs", "0", "--device", "cpu", "--output", "out")


HANG = 'Path(f"hangs-{os.getpid()}").touch(); time.sleep(1000)'


def moody(folder: Path, fail: str, *, seed: int = 1) -> None:
    text = OWN.replace("FAIL", fail).replace("BAD", str(stream_seed(seed, "initialisation")))
    (folder / "own.py").write_text(text)


@pytest.mark.parametrize(
    ("fail", "reason", "jobs"),
    [
        (ERROR, "own.py:Moody, seed 1: ValueError: a bad day (", "1"),
        (ERROR, "own.py:Moody, seed 1: ValueError: a bad day (", "2"),
        ("os.kill(os.getpid(), signal.SIGKILL)", "own.py:Moody, seed 1: the process was killed", "2"),
    ],
    ids=["error", "error in a worker", "killed"],
)
def test_the_others_go_on(convstudy: Convstudy, tmp_path: Path, fail: str, reason: str, jobs: str) -> None:
    moody(tmp_path, fail)
    said = convstudy("compare", "own.py:Moody", "lecture", *WORDS, "--jobs", jobs)
    assert said.status == 1, said.err
    assert said.err.splitlines()[-1].startswith(f"error: 1 of 4 runs failed: {reason}")
    failed = json.loads((tmp_path / "out/own.py-Moody/seed-1/failed.json").read_text())
    assert failed["error"].startswith(reason)
    assert ("Traceback" in failed["traceback"]) == ("ValueError" in fail)
    done = {path.parent.name for path in tmp_path.glob("out/lecture/*/run.json")}
    assert done == {"seed-0", "seed-1"}
    assert (tmp_path / "out/own.py-Moody/seed-0/run.json").exists()
    assert not (tmp_path / "out/own.py-Moody/seed-1/run.json").exists()
    assert not (tmp_path / "out/results.json").exists()  # not concluded from a part of the runs
    assert (tmp_path / "out/report.html").exists()


def test_a_comparison_without_any_run_still_leaves_a_report(convstudy: Convstudy, tmp_path: Path) -> None:
    said = convstudy("compare", "lecture", *WORDS, "--lr", "1e30", "--jobs", "1")
    assert said.status == 1
    assert said.err.splitlines()[-1].startswith("error: 2 of 2 runs failed: lecture, seed 0: the loss is ")
    assert "(and 1 more)" in said.err
    assert (tmp_path / "out/report.html").exists()


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_run_that_fails_is_repeated(convstudy: Convstudy, tmp_path: Path, jobs: str) -> None:
    moody(
        tmp_path,
        'count = Path("count"); count.write_text(count.read_text() + "x" if count.exists() else "x")\n'
        '            if len(count.read_text()) < 3: raise ValueError("a bad day")',
    )
    words = ("compare", "own.py:Moody", *WORDS, "--train-images", "60", "--jobs", jobs, "--retries")
    said = convstudy(*words, "1")
    assert (said.status, (tmp_path / "count").read_text()) == (1, "xx")
    assert "attempt 1 of 2 failed: own.py:Moody, seed 1: ValueError: a bad day" in said.out
    assert not (tmp_path / "out/own.py-Moody/seed-1/run.json").exists()
    (tmp_path / "count").unlink()
    said = convstudy(*words, "2")
    assert said.status == 0, said.err
    assert "attempt 2 of 3 failed" in said.out
    assert not (tmp_path / "out/own.py-Moody/seed-1/failed.json").exists()


class LeapingClock:
    """A clock that leaps by half an hour whenever it is read while a process hangs, so that nobody waits for that."""

    sleep = staticmethod(time.sleep)

    def __init__(self, folder: Path) -> None:
        self._folder, self._ahead = folder, 0

    def monotonic(self) -> float:
        pids = [int(path.name.partition("-")[2]) for path in self._folder.glob("hangs-*")]
        self._ahead += 1800 * any(claim.started(pid) is not None for pid in pids)
        return time.monotonic() + self._ahead


def test_a_run_that_hangs_is_stopped_after_its_hours(
    convstudy: Convstudy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "GRACE", 0.1)
    monkeypatch.setattr(workers, "time", LeapingClock(tmp_path))
    moody(tmp_path, HANG, seed=0)
    words = (*WORDS, "--train-images", "60", "--jobs", "1", "--run-hours", "1", "--retries", "1")
    said = convstudy("compare", "own.py:Moody", *words)
    check_that_the_run_of_seed_0_took_too_long(said, tmp_path)


def check_that_the_run_of_seed_0_took_too_long(said: Said, folder: Path) -> None:
    """Twice, and the run of seed 1 is done."""
    assert said.status == 1
    assert said.err.startswith("error: 1 of 2 runs failed: own.py:Moody, seed 0: took more than 1 hours")
    assert "attempt 1 of 2 failed: own.py:Moody, seed 0: took more than 1 hours" in said.out
    failed = json.loads((folder / "out/own.py-Moody/seed-0/failed.json").read_text())
    assert "1 hours" in failed["error"]
    assert len(list(folder.glob("hangs-*"))) == 2
    assert (folder / "out/own.py-Moody/seed-1/run.json").exists()


def stop_once_two_are_at_work(folder: Path, step: str, *words: str) -> None:
    """Terminate a comparison once two of its processes have taken a step, long before a checkpoint is due."""
    text = OWN.replace("FAIL", f"Path({step}).touch(); time.sleep(0.01)").replace("BAD", "-1")
    (folder / "own.py").write_text(text.replace("self.bad = ", "self.bad = True or "))
    short = ("--epochs", "1", "--warmup-epochs", "0", "--device", "cpu", "--output", "out")
    with Started(folder, "compare", "own.py:Moody", *short, *words) as running:
        until = time.monotonic() + 180
        while len(list(folder.glob("step-*"))) < 2 and running.poll() is None:
            assert time.monotonic() < until, running.err
            time.sleep(0.01)
        status = running.send(signal.SIGTERM)
    assert status == 143, running.err
    assert running.err.endswith("; repeat the command to continue\n")
    assert running.err.count("\n") == 1
    for run in (folder / "out/own.py-Moody").iterdir():
        assert (run / "checkpoint.pt").exists()
        assert not (run / "failed.json").exists()
        assert claim.holder_lives(run) is False


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="signals are of Unix")
def test_workers_that_are_asked_to_stop_write_a_checkpoint(tmp_path: Path) -> None:
    words = ("--seeds", "2", "--batch-size", "2", "--jobs", "2")
    stop_once_two_are_at_work(tmp_path, "f'step-{torch.initial_seed()}'", *words)
    assert len(list(tmp_path.glob("out/own.py-Moody/seed-*"))) == 2
