"""Claims: one holder at a time, taken over when it is gone, whatever clocks and process numbers say."""

from __future__ import annotations

import errno
import multiprocessing
import os
import signal
import time
from multiprocessing.connection import Connection
from pathlib import Path

import psutil
import pytest

from convstudy.file_lock import Lock
from convstudy.study.runs import claim as claims
from convstudy.study.runs.claim import Claim, Claimant, ClaimLost, Holder, clear, holder_lives, one_at_a_time
from convstudy.study.runs.workers import start_process


def take(folder: Path, claimant: Claimant | None = None) -> Claim:
    claim = (claimant or Claimant()).take(folder)
    assert claim is not None
    return claim


def test_one_holder_at_a_time(tmp_path: Path) -> None:
    mine = take(tmp_path / "run")
    assert Claimant().take(tmp_path / "run") is None
    assert holder_lives(tmp_path / "run") is True
    mine.check()
    with pytest.raises(FileNotFoundError):  # what is around it was moved away
        take(tmp_path / "none" / "run")
    mine.release()
    assert holder_lives(tmp_path / "run") is False
    again = take(tmp_path / "run")
    assert again.number == mine.number + 1
    again.release(remove=True)
    assert list((tmp_path / "run").iterdir()) == []


def test_a_full_disk_leaves_no_claim(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int, content: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        with pytest.raises(OSError, match="No space left"):
            take(tmp_path)
    assert not list(tmp_path.iterdir())
    take(tmp_path).release()


def hold(folder: Path, connection: Connection) -> None:
    claim = Claimant().take(folder)
    connection.send(claim is not None)
    connection.recv()


def test_of_many_at_once_one_gets_it(tmp_path: Path) -> None:
    ends = []
    for _ in range(6):
        ours, theirs = multiprocessing.Pipe()
        ends.append((start_process(hold, (tmp_path / "run", theirs), daemon=True), ours))
    assert sum(ours.recv() for _, ours in ends) == 1
    for process, ours in ends:
        ours.send(None)
        process.join()


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="kill -9 is of Unix")
def test_what_a_killed_process_held_is_taken_at_once(tmp_path: Path) -> None:
    ours, theirs = multiprocessing.Pipe()
    process = start_process(hold, (tmp_path / "run", theirs), daemon=True)
    assert ours.recv()
    assert Claimant().take(tmp_path / "run") is None
    clear(tmp_path / "run")
    assert holder_lives(tmp_path / "run") is True
    process.kill()
    process.join()
    take(tmp_path / "run").release()
    clear(tmp_path / "run")
    assert list((tmp_path / "run").iterdir()) == []


class Elsewhere:
    """A file system without locks, and holders of which nothing is known but their heartbeats."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(claims, "lock", lambda *_, **__: Lock.UNKNOWN)
        monkeypatch.setattr(Holder, "near", False)
        self.now = 0.0
        self.claimant = Claimant(patience=60, clock=lambda: self.now)


@pytest.mark.parametrize("wrong_by", [0, 3600, -3600])
def test_a_holder_lives_as_long_as_its_heartbeats_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wrong_by: int
) -> None:
    """By the clock of who looks; the times of the files are those of a clock that is wrong."""
    elsewhere = Elsewhere(monkeypatch)
    theirs = take(tmp_path)

    def looked() -> Claim | None:
        os.utime(theirs.path, (time.time() + wrong_by,) * 2)
        return elsewhere.claimant.take(tmp_path)

    for elsewhere.now in (0, 50, 100, 150):  # seconds
        theirs.beat()
        assert looked() is None
    elsewhere.now = 209
    assert looked() is None
    elsewhere.now = 210
    taken = looked()
    assert taken is not None
    taken.check()
    with pytest.raises(ClaimLost, match="taken over"):
        theirs.check()


def test_without_locks_a_process_of_this_machine_is_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claims, "lock", lambda *_, **__: Lock.UNKNOWN)
    mine = take(tmp_path)
    assert Claimant(patience=0).take(tmp_path) is None
    monkeypatch.setattr(claims, "started", lambda pid: None)
    take(tmp_path).check()
    with pytest.raises(ClaimLost):
        mine.check()


def test_the_same_process_number_in_another_namespace_is_another_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claims, "lock", lambda *_, **__: Lock.UNKNOWN)
    take(tmp_path)
    monkeypatch.setattr(claims, "_namespace", lambda: "pid:[1]")
    assert holder_lives(tmp_path) is None


def test_a_claim_that_is_not_written_yet_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = Elsewhere(monkeypatch)
    (tmp_path / ".claim-1").touch()
    assert elsewhere.claimant.take(tmp_path) is None
    elsewhere.now = 61
    assert elsewhere.claimant.take(tmp_path) is not None


def hold_until_asked(folder: Path, connection: Connection) -> None:
    claim = take(folder)
    connection.send(claim.ticket)
    connection.recv()
    try:
        claim.check()
    except ClaimLost as lost:
        connection.send(str(lost))


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="SIGSTOP is of Unix")
def test_a_stopped_process_loses_its_claim_and_notices_when_it_goes_on(tmp_path: Path) -> None:
    ours, theirs = multiprocessing.Pipe()
    process = start_process(hold_until_asked, (tmp_path / "run", theirs), daemon=True)
    ticket, now = ours.recv(), 0.0
    looking = Claimant(patience=60, clock=lambda: now)
    assert looking.take(tmp_path / "run") is None
    now = 200.0
    assert looking.take(tmp_path / "run") is None  # it may get hardly any processor time
    ticket.check()
    assert process.pid is not None
    os.kill(process.pid, signal.SIGSTOP)
    while psutil.Process(process.pid).status() != psutil.STATUS_STOPPED:
        time.sleep(0.01)
    claim = take(tmp_path / "run", looking)
    assert Claimant().take(tmp_path / "run") is None
    with pytest.raises(ClaimLost):  # whoever works for the stopped one
        ticket.check()
    os.kill(process.pid, signal.SIGCONT)
    ours.send(None)
    assert "another process has taken over" in ours.recv()
    process.join()
    claim.release(remove=True)


@pytest.mark.parametrize("made_anew", [True, False])
def test_a_folder_that_was_moved_away_is_noticed(tmp_path: Path, made_anew: bool) -> None:
    mine = take(tmp_path / "run")
    (tmp_path / "run").rename(tmp_path / "away")
    if made_anew:
        take(tmp_path / "run").check()
    with pytest.raises(ClaimLost, match="moved"):
        mine.check()
    mine.release(remove=True)
    assert (tmp_path / "run").exists() == made_anew


def count(folder: Path, times: int) -> None:
    for _ in range(times):
        with one_at_a_time(folder):
            path = folder / "count"
            before = int(path.read_text()) if path.exists() else 0
            time.sleep(0.001)
            path.write_text(str(before + 1))


def test_processes_take_turns(tmp_path: Path) -> None:
    processes = [start_process(count, (tmp_path, 5), daemon=True) for _ in range(3)]
    for process in processes:
        process.join()
    assert (tmp_path / "count").read_text() == "15"
    assert not list(tmp_path.glob(".claim-*"))


def test_who_looked_before_others_removed_their_claims_gives_its_own_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It makes the claim after the last one that it saw, while somebody else holds a lower one made anew."""
    created = claims._created
    held: list[Claim] = []

    def late(folder: Path, number: int) -> Claim | None:
        monkeypatch.setattr(claims, "_created", created)
        earlier.release(remove=True)
        held.append(take(folder))
        return created(folder, number)

    for _ in range(3):
        earlier = take(tmp_path)
        earlier.release()
    earlier = take(tmp_path)
    monkeypatch.setattr(claims.Claimant, "holds", lambda self, path: path != earlier.path)
    monkeypatch.setattr(claims, "_created", late)
    assert Claimant().take(tmp_path) is None
    [one] = held
    one.check()
    assert [path.name for path in tmp_path.iterdir()] == [one.path.name] == [".claim-1"]
