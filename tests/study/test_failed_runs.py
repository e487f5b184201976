"""A run that fails is recorded with its reason, and stops no other run."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from convstudy.training import stream_seed
from tests.conftest import Said

Convstudy = Callable[..., Said]
OWN = """
import os, signal
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
    text = OWN.replace("FAIL", fail).replace("BAD", str(stream_seed(1, "initialisation")))
    (tmp_path / "own.py").write_text(text)
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
