"""`torchrun --nproc-per-node N -m convstudy train`: one run, whose first process alone writes and prints."""

from __future__ import annotations

import importlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd
import psutil
import pytest
from tests.cli.test_compare import wait_for_newer
from tests.conftest import Said
from torch.distributed.elastic.multiprocessing.api import SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError

from convstudy.cli.app import main
from convstudy.study.runs.workers import start_process

pytestmark = pytest.mark.slow
LAUNCHED = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--standalone", "-m", "convstudy"]
IMPORTED_BY_TRAINING = "torch._dynamo", "torchvision.transforms.v2", "convstudy.report.terminal", "convstudy.study"
WORDS = ["train", "net", "--epochs", "4", "--device", "cpu", "--threads", "1", "--output"]


def work(words: Sequence[str]) -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)  # instead of the handlers of torchrun
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    sys.argv = ["convstudy", *words]
    try:
        main()
    except SystemExit as ended:
        if ended.code:
            raise


def start(folder: Path, processes: int, words: Sequence[str]) -> None:
    """Start processes as torchrun does, which are forks of this one, so that nothing is imported again."""
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch  # noqa: PLC0415

    for module in IMPORTED_BY_TRAINING:
        importlib.import_module(module)
    for name, stream in (("out", 1), ("err", 2)):
        os.dup2(os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), stream)
    os.chdir(folder)
    os.environ["OMP_NUM_THREADS"] = "1"
    config = LaunchConfig(
        1,
        1,
        processes,
        run_id="here",
        rdzv_backend="c10d",
        rdzv_endpoint="localhost:0",
        start_method="fork",
        max_restarts=0,
    )
    try:
        elastic_launch(config, work)(words)
    except ChildFailedError as error:
        sys.exit(str(error))
    except SignalException:
        sys.exit(1)


class Launched:
    """`torchrun --nproc-per-node N -m convstudy train`, at work in a folder."""

    def __init__(self, folder: Path, processes: int, *words: str) -> None:
        self.folder, self.process = folder, start_process(start, (folder, processes, words), daemon=False)

    def poll(self) -> int | None:
        return self.process.exitcode

    def ended(self) -> tuple[int | None, str, str]:
        self.process.join()
        return self.process.exitcode, (self.folder / "out").read_text(), (self.folder / "err").read_text()


@pytest.fixture(scope="module", params=[2, 3])
def whole(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> tuple[int, Path, str]:
    """A run by two or three processes, and what they printed."""
    folder = tmp_path_factory.mktemp("several")
    status, out, err = Launched(folder, request.param, *WORDS, "whole").ended()
    assert status == 0, err
    return request.param, folder / "whole", out


def test_several_processes_leave_one_run_as_one_process_does(
    whole: tuple[int, Path, str], convstudy: Callable[..., Said], tmp_path: Path
) -> None:
    processes, run, out = whole
    assert f"\n{processes} processes, each with a part of every batch\n" in out
    assert out.count("epoch 4 of 4") == out.count("run: whole") == out.count("recipe\n") == 1
    assert convstudy(*WORDS, "alone").status == 0
    alone = tmp_path / "alone"
    assert {path.name for path in run.iterdir()} == {path.name for path in alone.iterdir()}
    curves = [pd.read_csv(folder / "epochs.csv") for folder in (run, alone)]
    # the sums are rounded in another order, and each step multiplies the difference: the first epochs tell a wrong step
    first, alone_first = (curve["train_loss"].to_list()[:2] for curve in curves)
    assert first == pytest.approx(alone_first, rel=1e-4)
    records = [json.loads((folder / "run.json").read_text()) for folder in (run, alone)]
    assert [record["processes"] for record in records] == [processes, 1]
    assert records[0]["top1"] == pytest.approx(records[1]["top1"], abs=0.01)
    tested, alone_tested = (pd.read_parquet(folder / "predictions.parquet") for folder in (run, alone))
    assert tested["id"].is_unique  # each test image once
    assert tested[["id", "label"]].equals(alone_tested[["id", "label"]])
    said = convstudy(*WORDS, str(run))
    assert said.err == (
        f"error: {run} holds another run: processes is {processes} there and 1 here; choose another --output\n"
    )


def break_off(folder: Path, processes: int, how: signal.Signals) -> str:
    """Begin the run or go on with it; after the next checkpoint interrupt torchrun, or kill its last process."""
    checkpoint = folder / "broken/checkpoint.pt"
    seen = checkpoint.stat().st_mtime_ns if checkpoint.exists() else 0
    running = Launched(folder, processes, *WORDS, "broken")
    wait_for_newer(checkpoint, seen, running)
    assert running.process.pid is not None
    if how == signal.SIGKILL:
        # torchrun's other children are of multiprocessing, and import nothing of ours
        os.kill(psutil.Process(running.process.pid).children()[-1].pid, how)
    else:
        os.kill(running.process.pid, how)
    status, _, err = running.ended()
    assert status
    return err


def test_interrupted_and_killed_it_goes_on_and_ends_with_the_same_bits(
    whole: tuple[int, Path, str], tmp_path: Path
) -> None:
    processes, run, _ = whole
    if processes == 2:
        said = break_off(tmp_path, processes, signal.SIGINT)
        assert said.count("interrupted; repeat the command to continue\n") == 1
    break_off(tmp_path, processes, signal.SIGKILL)
    left = tmp_path / "broken/.convstudy-0123456789abcdef.part"
    left.touch()  # as a process leaves it that is killed while it writes
    status, out, err = Launched(tmp_path, processes, *WORDS, "broken").ended()
    assert status == 0, err
    assert "from its checkpoint" in out
    assert (run / "weights.safetensors").read_bytes() == (tmp_path / "broken/weights.safetensors").read_bytes()
    assert {path.name for path in run.iterdir()} == {path.name for path in (tmp_path / "broken").iterdir()}


def test_what_is_wrong_is_said_once(tmp_path: Path) -> None:
    """With torchrun itself."""
    command = [*LAUNCHED, "train", "resnet2O", "--device", "cpu"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
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
