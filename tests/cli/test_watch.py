"""A comparison that is not finished: watched, and reported on as far as it is."""

from __future__ import annotations

import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.cli.test_compare import wait_for_newer
from tests.conftest import Said
from tests.started import Started

from convstudy.cli.compare import carry_out
from convstudy.study import Plan, RunFolder
from convstudy.study.runs.claim import Claimant
from convstudy.study.runs.status import noted_process
from convstudy.training import Recipe

Convstudy = Callable[..., Said]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole") / "out"
    recipe = Recipe(epochs=1, warmup_epochs=0.5)
    carry_out(Plan(("net", "lecture"), seeds=2, recipe=recipe, device="cpu", jobs=1), folder)
    return folder


@pytest.fixture
def half(whole: Path, tmp_path: Path) -> Path:
    """The comparison as it was when one run of four was missing, and one was at work."""
    folder = Path(shutil.copytree(whole, tmp_path / "half"))
    for name in ("results.json", "results.csv", "report.html", "images.npz"):
        (folder / name).unlink()
    (folder / "net/seed-1/run.json").unlink()
    shutil.rmtree(folder / "lecture/seed-1")
    return folder


def note_process(run: Path, **other: object) -> None:
    """Note this process as the one that works on a run."""
    with noted_process(RunFolder(run)):
        noted = (run / "process.json").read_text()
    (run / "process.json").write_text(json.dumps({**json.loads(noted), **other}))


def test_a_half_done_comparison_is_watched(convstudy: Convstudy, half: Path) -> None:
    note_process(half / "net/seed-1")
    said = convstudy("watch", "half", "--once")
    assert (said.status, said.err) == (0, "")
    net, lecture = [line.split() for line in said.out.splitlines() if line.startswith(("net ", "lecture "))][:2]
    assert net[1].endswith("%")
    assert net[2:] == ["1/1"]
    assert lecture[2:] == ["waiting"]
    assert "4 runs: 2 done, 1 running, 1 waiting; about 0:0" in said.out
    assert "based on 1 seed and" in said.out
    assert "No verdict yet" in said.out
    assert "p =" not in said.out
    assert "p <" not in said.out
    assert max(map(len, said.out.splitlines())) <= 80


def test_the_status_of_each_run_for_people_and_programs(convstudy: Convstudy, half: Path) -> None:
    mine = Claimant().take(half / "net/seed-1")
    assert mine is not None
    (half / "lecture/seed-0/run.json").unlink()
    (half / "lecture/seed-0/failed.json").write_text('{"error": "a bad day", "traceback": ""}')
    said = convstudy("status", "half")
    assert (said.status, said.err) == (0, "")
    assert "4 runs: 1 done, 1 running, 1 failed, 1 waiting" in said.out
    assert f"{os.getpid()} on {platform.node()}" in said.out
    assert "a bad day" in said.out
    told = json.loads(convstudy("status", "half", "--json").out)
    mine.release()
    assert told["counts"] == {"done": 1, "running": 1, "failed": 1, "waiting": 1}
    assert told["finished"] is False
    runs = {(run["model"], run["seed"]): run for run in told["runs"]}
    assert (runs["net", 1]["state"], runs["net", 1]["pid"]) == ("running", os.getpid())
    assert (runs["net", 1]["epochs_done"], runs["net", 1]["epochs"]) == (1, 1)
    assert (runs["lecture", 0]["state"], runs["lecture", 0]["error"]) == ("failed", "a bad day")
    assert (runs["net", 0]["state"], runs["net", 0]["pid"]) == ("done", None)
    assert runs["net", 0]["top1"] == json.loads((half / "net/seed-0/run.json").read_text())["top1"]
    assert convstudy("status", "half").out.startswith("4 runs: 1 done, 1 stopped, 1 failed, 1 waiting\n")


def state(convstudy: Convstudy) -> str:
    [line] = [line for line in convstudy("watch", "half", "--once").out.splitlines() if line.startswith("4 runs: ")]
    return line


def test_a_run_that_no_process_works_on_is_stopped(convstudy: Convstudy, half: Path) -> None:
    assert state(convstudy) == "4 runs: 2 done, 1 stopped, 1 waiting"
    note_process(half / "net/seed-1", started=time.time() - 1e6)  # the number of a process that is gone, used again
    said = convstudy("watch", "half", "--once").out
    assert "4 runs: 2 done, 1 stopped, 1 waiting\n" in said
    assert "1/1 stopped" in said
    assert "repeat the command" in " ".join(said.split())


def test_of_another_machine_s_process_the_files_that_change_tell(convstudy: Convstudy, half: Path) -> None:
    note_process(half / "net/seed-1", host="another", pid=1)
    assert "1 running" in state(convstudy)
    for path in (half / "net/seed-1").iterdir():
        os.utime(path, (time.time() - 700,) * 2)
    assert "1 stopped" in state(convstudy)


def test_a_torn_note_is_that_of_no_process(convstudy: Convstudy, half: Path) -> None:
    for torn in ("", "[]", "{}"):
        (half / "net/seed-1/process.json").write_text(torn)
        assert "1 stopped" in state(convstudy)


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="kill -9 is of Unix")
@pytest.mark.parametrize("jobs", ["1", "2"], ids=["in one process", "side by side"])
def test_killed_runs_are_no_longer_running(convstudy: Convstudy, tmp_path: Path, jobs: str) -> None:
    words = ("compare", "net", "--epochs", "500", "--seeds", "2", "--device", "cpu", "--jobs", jobs, "--output", "out")
    with Started(tmp_path, *words) as running:
        for seed in range(int(jobs)):
            wait_for_newer(tmp_path / f"out/net/seed-{seed}/checkpoint.pt", 0, running)
        assert f"2 runs: {jobs} running" in convstudy("watch", "out", "--once").out
        running.send(signal.SIGKILL)
    ended = time.monotonic() + 20  # workers see within moments that their parent is gone
    while "running" in (said := convstudy("watch", "out", "--once").out) and time.monotonic() < ended:
        time.sleep(0.1)
    assert f"2 runs: {jobs} stopped" in said


def test_a_failed_run_is_told_until_it_is_done_again(convstudy: Convstudy, half: Path) -> None:
    words = ("--seeds", "2", "--epochs", "1", "--warmup-epochs", "0.5", "--device", "cpu", "--jobs", "1")
    command = ("compare", "net", "lecture", *words, "--output", "half")
    (half / "net/seed-1/checkpoint.pt").mkdir()  # nothing can be written there
    shutil.rmtree(half / "net/seed-1/epochs.csv", ignore_errors=True)
    failed = convstudy(*command)
    assert failed.status == 1
    said = " ".join(convstudy("watch", "half", "--once").out.split())
    assert "3 done, 1 failed" in said
    assert failed.err.startswith("error: 1 of 4 runs failed: half/net/seed-1/checkpoint.pt is not a")
    assert "net, seed 1: half/net/seed-1/checkpoint.pt is not a checkpoint" in said
    (half / "net/seed-1/checkpoint.pt").rmdir()
    assert convstudy(*command).status == 0
    assert "4 runs: 4 done" in convstudy("watch", "half", "--once").out


def test_a_torn_record_is_named(convstudy: Convstudy, half: Path) -> None:
    record = half / "net/seed-0/run.json"
    record.write_text(record.read_text()[:50])
    for command in (("watch", "half", "--once"), ("report", "half")):
        said = convstudy(*command)
        assert (said.status, said.err.count("\n")) == (2, 1)
        assert said.err.startswith("error: half/net/seed-0/run.json cannot be read (JSONDecodeError")


def test_a_half_done_comparison_gives_a_report_that_says_so(convstudy: Convstudy, half: Path) -> None:
    assert convstudy("report", "half").out == "half/report.html\n"
    page = (half / "report.html").read_text()
    assert "net: 13 rows" in page
    assert "No verdict yet" in page
    assert '<h2 id="pairs">' not in page
    assert "<strong>Unfinished:</strong> 2 runs of 4 are still missing." in page
    assert "Unfinished: 2 runs still missing." in convstudy("report", "half", "--format", "markdown").out
    assert convstudy("report", "half", "--format", "json").err.startswith("error: half is not finished")


def test_with_no_run_done_it_says_that(convstudy: Convstudy, half: Path) -> None:
    for run in half.glob("*/seed-*"):
        shutil.rmtree(run)
    assert "4 runs: 4 waiting" in convstudy("watch", "half", "--once").out
    assert convstudy("report", "half").status == 0
    assert "No run has finished yet" in (half / "report.html").read_text()


def test_a_finished_comparison_is_watched(convstudy: Convstudy, whole: Path, tmp_path: Path) -> None:
    shutil.copytree(whole, tmp_path / "out")
    said = convstudy("watch", "out")
    assert "4 runs: 4 done" in said.out
    assert "Which network is best?" in said.out


def test_progress_is_read_without_torch(whole: Path, half: Path) -> None:
    """Importing it takes longer than reading a thousand runs."""
    folders = f"Path({str(whole)!r}), Path({str(half)!r})"
    code = (
        "import sys; from pathlib import Path; from convstudy.cli.status import status; "
        f"from convstudy.cli.watch import watch; [(status(each), watch(each, once=True)) for each in ({folders})]; "
        "print('torch' in sys.modules)"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.count("4 runs: ") == 4
    assert said.splitlines()[-1] == "False"


def test_the_rest_is_done_by_the_same_command(convstudy: Convstudy, half: Path, whole: Path) -> None:
    words = ("--seeds", "2", "--epochs", "1", "--warmup-epochs", "0.5", "--device", "cpu", "--jobs", "1")
    said = convstudy("compare", "net", "lecture", *words, "--output", "half")
    assert (said.status, said.err) == (0, "")
    for run in ("net/seed-1", "lecture/seed-1"):
        assert (half / run / "weights.safetensors").read_bytes() == (whole / run / "weights.safetensors").read_bytes()


@pytest.mark.parametrize("command", ["watch", "status", "report"])
def test_what_is_no_comparison(convstudy: Convstudy, tmp_path: Path, command: str) -> None:
    (tmp_path / "empty").mkdir()
    assert "empty holds no comparison" in convstudy(command, "empty").err
    (tmp_path / "empty/comparison.json").write_text('{"models": [], "folders": [], "seeds": []}')
    assert "empty holds a comparison that is not finished" in convstudy(command, "empty").err
    (tmp_path / "empty/comparison.json").write_text("{}")
    assert "empty/comparison.json cannot be read" in convstudy(command, "empty").err


@pytest.mark.parametrize("seconds", ["0", "-1", "nan", "inf", "1e300", "x"])
def test_an_interval_that_no_clock_waits_for_is_refused(convstudy: Convstudy, seconds: str) -> None:
    said = convstudy("watch", "out", "--interval", seconds)
    assert (said.status, said.err.count("\n")) == (2, 1)
    assert "--interval" in said.err
