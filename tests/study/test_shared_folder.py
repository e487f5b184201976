"""Several processes on one folder share its runs; each is performed once, and what a killed one leaves is continued."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from convstudy.errors import StudyError
from convstudy.study import Plan, RunFolder, claim_comparison, prepare_run
from convstudy.study.runs.claim import Claimant
from convstudy.study.runs.events import Event, RunEnded, RunStarted, ignore
from convstudy.study.runs.identity import FolderKind, require_empty
from convstudy.study.runs.workers import start_process
from convstudy.training import Recipe
from tests.conftest import Said
from tests.started import Started

Convstudy = Callable[..., Said]
LINE = re.compile(r"run \d+ of \d+: (\w+), seed (\d+): epoch (\d+) of")
TINY = ("--epochs", "2", "--warmup-epochs", "0", "--train-images", "100", "--device", "cpu", "--jobs", "1")


def trained(printed: str) -> Counter[tuple[str | Any, ...]]:
    """Count how often each epoch of each run was trained."""
    lines = [line for line in printed.splitlines() if "from its checkpoint" not in line]
    return Counter(match.groups() for line in lines if (match := LINE.search(line)))


def weights(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("weights.safetensors")}


def started(folder: Path, *words: str) -> Started:
    folder.mkdir()
    return Started(folder, "compare", "lecture", "--seeds", "6", *TINY, *words, "--output", str(folder.parent / "out"))


def wait_for(path: Path, pattern: str) -> None:
    until = time.monotonic() + 180
    while not list(path.glob(pattern)):
        assert time.monotonic() < until, pattern
        time.sleep(0.01)


def share(plan: Plan, out: Path, ready: Path, others: int) -> None:
    """Begin together with other processes, and note which runs were trained here."""
    claimed = claim_comparison(plan, out)
    ready.touch()
    until = time.monotonic() + 180
    while len(list(ready.parent.glob(f"*{ready.suffix}"))) < others and time.monotonic() < until:
        time.sleep(0.01)
    seen: list[Event] = []
    claimed.perform(seen.append)
    results = claimed.conclude().results
    starts = [(event.model, event.seed) for event in seen if isinstance(event, RunStarted)]
    ends = sum(isinstance(event, RunEnded) for event in seen)
    ready.write_text(json.dumps([starts, ends, [model.top1.per_seed for model in results.models]]))


@pytest.mark.slow
@pytest.mark.parametrize("until", ["seeds", "sure"])
def test_each_run_is_performed_once(until: str, tmp_path: Path) -> None:
    recipe = Recipe(epochs=1, warmup_epochs=0)
    until_sure = {"until": until, "max_seeds": 4} if until == "sure" else {"seeds": 3}
    plan = Plan(("lecture", "net"), recipe=recipe, device="cpu", jobs=1, train_images=60, **until_sure)
    ready = [tmp_path / f"{number}.ready" for number in range(3)]
    processes = [start_process(share, (plan, tmp_path / "out", path, len(ready)), daemon=True) for path in ready]
    for each in processes:
        each.join()
    assert [each.exitcode for each in processes] == [0] * len(ready)
    starts, ends, results = zip(*(json.loads(path.read_text()) for path in ready), strict=True)
    done = {(path.parent.parent.name, int(path.parent.name[5:])) for path in (tmp_path / "out").rglob("run.json")}
    assert len(done) >= 6
    assert Counter((model, seed) for part in starts for model, seed in part) == dict.fromkeys(done, 1)
    assert set(ends) == {len(done)}  # each process sees all runs end
    assert all(each == results[0] for each in results)
    assert not [*(tmp_path / "out").rglob("seed-*/.claim-*"), *(tmp_path / "out").rglob("*.part")]
    claimed = claim_comparison(plan, tmp_path / "alone")
    claimed.perform(ignore)
    assert weights(tmp_path / "out") == weights(tmp_path / "alone")


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="kill -9 is of Unix")
def test_what_a_killed_process_left_is_continued_by_another(tmp_path: Path) -> None:
    long = ("--seeds", "2", "--epochs", "100")
    first = started(tmp_path / "first", *long)
    wait_for(tmp_path / "out/lecture/seed-0", "checkpoint.pt")
    os.kill(first.pid, signal.SIGSTOP)
    assert not (tmp_path / "out/lecture/seed-0/run.json").exists()
    second = started(tmp_path / "second", *long)
    wait_for(tmp_path / "out/lecture/seed-1", "run.json")
    assert second.poll() is None  # it waits for the other one, which lives
    first.send(signal.SIGKILL)
    second.process.join()
    assert (second.poll(), second.err) == (0, "")
    assert "lecture, seed 0: epoch 1 of 100" in second.out
    assert "from its checkpoint" in second.out
    times = trained(second.out)
    assert times["lecture", "0", "1"] == 0
    assert times["lecture", "0", "100"] == 1
    assert len(list((tmp_path / "out").rglob("run.json"))) == 2


def test_a_folder_that_is_moved_away_is_not_made_anew(
    convstudy: Convstudy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run has failed, and the others go on."""
    moved = tmp_path / "moved"
    once: list[bool] = []

    def move(self: RunFolder, epochs: object) -> None:
        write(self, epochs)  # type: ignore[arg-type]
        if self.path.name == "seed-0" and not once:
            once.append(True)
            shutil.move(self.path, moved)

    write = RunFolder.write_epochs
    monkeypatch.setattr(RunFolder, "write_epochs", move)
    said = convstudy("compare", "lecture", "--seeds", "2", *TINY, "--output", "out")
    assert said.status == 1
    assert "1 of 2 runs failed: out/lecture/seed-0 was moved or deleted" in said.err
    assert not (tmp_path / "out/lecture/seed-0").exists()
    assert (tmp_path / "out/lecture/seed-1/run.json").exists()
    assert (moved / "epochs.csv").exists()


@pytest.mark.parametrize("kind", FolderKind)
def test_a_run_and_a_comparison_that_begin_at_once_do_not_share_a_folder(tmp_path: Path, kind: FolderKind) -> None:
    (tmp_path / ".claim-1").write_text("")
    require_empty(tmp_path, kind)
    (tmp_path / {"run": "comparison.json", "comparison": "train.json"}[kind]).write_text("{}")
    with pytest.raises(StudyError, match=f"already exists and is not a convstudy {kind}"):
        require_empty(tmp_path, kind)


def test_a_run_is_begun_by_one_process_at_a_time(tmp_path: Path) -> None:
    run = prepare_run(Plan(models=("net",), seeds=1, recipe=Recipe(epochs=1)), tmp_path / "run")
    other = Claimant().take(run.folder.path)
    assert other
    with pytest.raises(StudyError, match=r"process \d+ on .* works on this run; wait until it has ended"):
        run.claim()
    assert not (run.folder.path / "train.json").exists()
    other.release(remove=True)
    run.claim()
    assert not list(run.folder.path.glob(".claim-*"))
