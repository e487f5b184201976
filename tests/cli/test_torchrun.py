"""`torchrun --nproc-per-node 2 -m convstudy train`: one run, whose first process alone writes and prints."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import psutil
import pytest
from tests.cli.test_compare import wait_for_newer
from tests.conftest import Said

pytestmark = pytest.mark.slow
LAUNCHED = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--standalone", "-m", "convstudy"]
WORDS = ["train", "net", "--epochs", "8", "--device", "cpu", "--threads", "1", "--output"]


def launch(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*LAUNCHED, *words], cwd=folder, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A run by two processes, and what they printed."""
    folder = tmp_path_factory.mktemp("several")
    done = launch(folder, *WORDS, "whole")
    assert done.returncode == 0, done.stderr
    return folder / "whole", done.stdout


def test_two_processes_leave_one_run_as_one_process_does(
    whole: tuple[Path, str], convstudy: Callable[..., Said], tmp_path: Path
) -> None:
    run, out = whole
    assert "\n2 processes, each with a part of every batch\n" in out
    assert out.count("epoch 8 of 8") == out.count("run: whole") == out.count("recipe\n") == 1
    assert convstudy(*WORDS, "alone").status == 0
    alone = tmp_path / "alone"
    assert {path.name for path in run.iterdir()} == {path.name for path in alone.iterdir()}
    curves = [pd.read_csv(folder / "epochs.csv") for folder in (run, alone)]
    # the sums are rounded in another order, and each step multiplies the difference: the first epochs tell a wrong step
    first, alone_first = (curve["train_loss"].to_list()[:2] for curve in curves)
    assert first == pytest.approx(alone_first, rel=1e-4)
    records = [json.loads((folder / "run.json").read_text()) for folder in (run, alone)]
    assert [record["processes"] for record in records] == [2, 1]
    assert records[0]["top1"] == pytest.approx(records[1]["top1"], abs=0.01)
    said = convstudy(*WORDS, str(run))
    assert said.err == f"error: {run} holds another run: processes is 2 there and 1 here; choose another --output\n"


def break_off(folder: Path, how: signal.Signals) -> str:
    """Begin the run or go on with it; after the next checkpoint interrupt torchrun, or kill its second process."""
    piped = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    checkpoint = folder / "broken/checkpoint.pt"
    seen = checkpoint.stat().st_mtime_ns if checkpoint.exists() else 0
    with subprocess.Popen([*LAUNCHED, *WORDS, "broken"], cwd=folder, text=True, **piped) as running:  # type: ignore[call-overload]
        wait_for_newer(checkpoint, seen, running)
        second = psutil.Process(running.pid).children()[1].pid
        os.kill(second if how == signal.SIGKILL else running.pid, how)
        _, err = running.communicate()
    return str(err)


def test_interrupted_and_killed_it_goes_on_and_ends_with_the_same_bits(whole: tuple[Path, str], tmp_path: Path) -> None:
    said = break_off(tmp_path, signal.SIGINT)
    assert said.count("interrupted; repeat the command to continue\n") == 1
    break_off(tmp_path, signal.SIGKILL)
    (
        tmp_path / "broken/.convstudy-0123456789abcdef.part"
    ).touch()  # as a process leaves it that is killed while it writes
    done = launch(tmp_path, *WORDS, "broken")
    assert done.returncode == 0, done.stderr
    assert "from its checkpoint" in done.stdout
    run, _ = whole
    assert (run / "weights.safetensors").read_bytes() == (tmp_path / "broken/weights.safetensors").read_bytes()
    assert {path.name for path in run.iterdir()} == {path.name for path in (tmp_path / "broken").iterdir()}


def test_what_is_wrong_is_said_once(tmp_path: Path) -> None:
    done = launch(tmp_path, "train", "resnet2O", "--device", "cpu")
    assert done.returncode == 1  # torchrun's own, which tells of ours
    assert "exitcode  : 2 " in done.stderr
    assert done.stderr.count("error: no network is named 'resnet2O'; did you mean 'resnet32'?\n") == 1
    assert done.stdout == ""


def test_other_commands_are_not_for_several_processes(
    convstudy: Callable[..., Said], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"RANK": 0, "LOCAL_RANK": 0, "MASTER_ADDR": "x", "MASTER_PORT": 1, "WORLD_SIZE": 2}.items():
        monkeypatch.setenv(name, str(value))
    said = convstudy("compare", "net", "lenet5", "--epochs", "1", "--output", "out")
    assert (said.status, said.err.count("\n")) == (2, 1)
    assert said.err.startswith("error: torchrun starts processes that train one network together")
