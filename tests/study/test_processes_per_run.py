"""`--processes-per-run N`: each run of a study is performed by several processes together."""

from __future__ import annotations

import importlib
import json
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from convstudy.errors import StudyError
from convstudy.study import Plan, prepare_run
from convstudy.study.runs import workers
from convstudy.study.runs.gpus import gpus_of, require_gpus
from convstudy.study.runs.workers import _Environment, _Pool
from tests.cli.test_torchrun import Launched
from tests.conftest import Said
from tests.study.test_failed_runs import (
    LeapingClock,
    moody,
    stop_once_two_are_at_work,
)

Convstudy = Callable[..., Said]
WORDS = ("--epochs", "1", "--warmup-epochs", "0", "--train-images", "100", "--device", "cpu")
TOGETHER = (*WORDS, "--processes-per-run", "2", "--jobs", "1", "--output", "out")
IN_THE_SECOND = 'if os.environ.get("RANK") == "1": '


@pytest.fixture(scope="session", autouse=True)
def _forks_of_what_they_need() -> None:
    """End the process whose forks were the workers of earlier tests, as a command begins without one."""
    if sys.platform == "linux":  # elsewhere there is none
        server: Any = vars(importlib.import_module("multiprocessing.forkserver"))["_forkserver"]
        server._stop()


@pytest.mark.slow
def test_a_run_is_that_of_torchrun_bit_for_bit(convstudy: Convstudy, tmp_path: Path) -> None:
    said = convstudy("compare", "net", "--seeds", "1", *TOGETHER)
    assert said.status == 0, said.err
    assert "batch size 32, lr 0.03, on cpu, 2 processes per run" in " ".join(said.out.split())
    alone = tmp_path / "alone"
    alone.mkdir()
    status, _, err = Launched(alone, 2, "train", "net", *WORDS, "--threads", "1", "--output", "run").ended()
    assert status == 0, err
    run = tmp_path / "out/net/seed-0"
    for name in ("weights.safetensors", "predictions.parquet", "seen-images.npz"):
        assert (run / name).read_bytes() == (alone / "run" / name).read_bytes()
    assert json.loads((run / "run.json").read_text())["processes"] == 2
    assert {path.name for path in run.iterdir()} == {
        *("epochs.csv", "predictions.parquet", "run.json", "seen-images.npz", "weights.safetensors")
    }
    results = json.loads((tmp_path / "out/results.json").read_text())
    assert "--processes-per-run 2" in results["protocol"]["command"]
    assert results["environment"]["processes_per_run"] == 2
    said = convstudy("compare", "net", "--seeds", "1", *TOGETHER, "--processes-per-run", "1")
    assert said.status == 2
    assert "--processes-per-run is 2 there and 1 here" in said.err


@pytest.mark.parametrize(
    ("fail", "reason"),
    [
        ("os.kill(os.getpid(), signal.SIGKILL)", "one of its 2 processes was killed"),
        ('raise ValueError("a bad day")', "ValueError: a bad day ("),
    ],
    ids=["killed", "error"],
)
def test_if_one_process_fails_its_run_does_and_the_others_go_on(
    convstudy: Convstudy, tmp_path: Path, fail: str, reason: str
) -> None:
    moody(tmp_path, IN_THE_SECOND + fail, seed=0)
    said = convstudy("compare", "own.py:Moody", "--seeds", "2", *TOGETHER, "--retries", "1")
    assert said.status == 1
    assert said.err.startswith(f"error: 1 of 2 runs failed: own.py:Moody, seed 0: {reason}")
    assert f"attempt 1 of 2 failed: own.py:Moody, seed 0: {reason}" in " ".join(said.out.split())
    failed = json.loads((tmp_path / "out/own.py-Moody/seed-0/failed.json").read_text())
    assert failed["error"].startswith(f"own.py:Moody, seed 0: {reason}")
    assert ("Traceback" in failed["traceback"]) == ("ValueError" in fail)
    assert (tmp_path / "out/own.py-Moody/seed-1/run.json").exists()


def test_a_run_of_which_one_process_hangs_is_stopped_after_its_hours(
    convstudy: Convstudy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "GRACE", 0.1)
    monkeypatch.setattr(workers, "time", LeapingClock(tmp_path))
    moody(tmp_path, IN_THE_SECOND + "Path(f'hangs-{os.getpid()}').touch(); time.sleep(1000)", seed=0)
    said = convstudy("compare", "own.py:Moody", "--seeds", "1", *TOGETHER, "--run-hours", "1")
    assert said.status == 1
    assert said.err.startswith("error: 1 of 1 run failed: own.py:Moody, seed 0: took more than 1 hours")
    assert len(list(tmp_path.glob("hangs-*"))) == 1


def test_a_learning_rate_that_diverges_ends_none_of_the_processes(convstudy: Convstudy, tmp_path: Path) -> None:
    said = convstudy("compare", "lecture", "--seeds", "1", *TOGETHER, "--lr-grid", "0.03,1e30")
    assert said.status == 0, said.err
    trials = json.loads((tmp_path / "out/lecture/seed-0/run.json").read_text())["trials"]
    assert [trial["validation_top1"] is None for trial in trials] == [False, True]


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="signals are of Unix")
def test_processes_that_are_asked_to_stop_write_a_checkpoint(tmp_path: Path) -> None:
    words = ("--seeds", "1", "--batch-size", "4", "--processes-per-run", "2")
    stop_once_two_are_at_work(tmp_path, "'step-' + os.environ.get('RANK', '')", *words)


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"engine": "ray"}, "Ray"),
        ({"budget": "seconds=10"}, "budget"),
        ({"recipe": {"batch_size": 3}}, "batch_size"),
    ],
)
def test_what_excludes_several_processes(settings: dict[str, object], named: str) -> None:
    with pytest.raises(StudyError, match=f"processes_per_run is 4, .*{named}"):
        Plan.from_dict({"models": ["net", "lenet5"], "processes_per_run": 4, **settings})


def test_a_single_run_is_started_with_torchrun() -> None:
    with pytest.raises(StudyError, match=r"processes_per_run is 2, .*torchrun"):
        prepare_run(Plan(("net",), seeds=1, processes_per_run=2))


def test_each_process_of_a_run_gets_a_gpu_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 8)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "7,6,5,4,3,2,1,0")
    given: list[dict[str, str]] = []

    class Started:
        def __init__(self, _: object, arguments: tuple[object, _Environment], **_kept: object) -> None:
            given.append(arguments[1].variables)

    monkeypatch.setattr(workers, "start_process", Started)
    pool = _Pool(1, None, gpus_of(torch.device("cuda")), processes=4)
    pool._start()
    pool._start()
    assert [each["CUDA_VISIBLE_DEVICES"] for each in given] == ["7,6,5,4"] * 4 + ["3,2,1,0"] * 4
    assert [each["LOCAL_RANK"] for each in given] == ["0", "1", "2", "3"] * 2
    assert len({each["MASTER_PORT"] for each in given}) == 2
    require_gpus(torch.device("cuda"), 8)
    with pytest.raises(StudyError, match="processes_per_run is 9, but torch finds 8 GPUs"):
        require_gpus(torch.device("cuda"), 9)
