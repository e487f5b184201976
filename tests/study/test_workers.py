"""Worker processes whose parent is gone, and errors of writing that do not name a file."""

from __future__ import annotations

import errno
import gc
import importlib
import multiprocessing
import os
import sys
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest
import torch

from convstudy.errors import StudyError
from convstudy.study.runs import workers
from convstudy.study.runs.events import RunEnded
from convstudy.study.runs.gpus import gpus_of
from convstudy.study.runs.workers import (
    _Environment,
    _keep_tqdm_within_the_process,
    _Pool,
    _send_event,
    in_worker,
    start_process,
)
from convstudy.study.runs.writing import writing_into

TQDM: Any = vars(torch.hub)["tqdm"]


def send(connection: Connection) -> None:
    _send_event(connection, RunEnded(index=0))


@pytest.mark.skipif(sys.platform != "linux", reason="workers are forks on Linux only")
def test_workers_look_for_garbage_but_not_in_what_they_share() -> None:
    found = in_worker(lambda: (gc.isenabled(), gc.get_freeze_count()), threads=1)
    assert found is not None
    enabled, shared = found
    assert enabled
    assert shared > 100_000  # objects of PyTorch


def test_a_worker_without_a_parent_ends_and_its_run_does_not_fail(capfd: pytest.CaptureFixture[str]) -> None:
    ours, theirs = multiprocessing.Pipe()
    ours.close()
    worker = start_process(send, (theirs,), daemon=True)
    theirs.close()
    worker.join()
    assert (worker.exitcode, capfd.readouterr().err) == (1, "")


def note(environment: _Environment, connection: Connection) -> None:
    environment.adopt()
    connection.send((sys.path, os.environ.get("FIRST"), os.environ.get("SECOND")))


def test_a_worker_takes_over_path_and_variables_as_they_are_when_it_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, other in (("FIRST", "SECOND"), ("SECOND", "FIRST")):  # the second process is a fork of the same one
        monkeypatch.setenv(name, "here")
        monkeypatch.delenv(other, raising=False)
        ours, theirs = multiprocessing.Pipe()
        start_process(note, (_Environment(1, [*sys.path, name], dict(os.environ)), theirs), daemon=True).join()
        assert ours.recv() == ([*sys.path, name], *(("here", None) if name == "FIRST" else (None, "here")))


@pytest.mark.parametrize("folder", [Path("runs/mine"), Path("/runs/mine")], ids=["relative", "absolute"])
def test_an_error_that_names_no_file_concerns_the_folder_if_it_is_one_of_writing(folder: Path) -> None:
    with pytest.raises(StudyError, match=f"^{folder} cannot be written"), writing_into(folder):
        raise OSError(errno.ENOSPC, "No space left on device")
    with pytest.raises(BrokenPipeError), writing_into(folder):
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")


def test_a_worker_makes_no_semaphore(monkeypatch: pytest.MonkeyPatch) -> None:
    """torch.fx shows its progress with tqdm, and Python warned of tqdm's lock when a worker was terminated."""
    lock = importlib.import_module("tqdm.std").TqdmDefaultWriteLock
    monkeypatch.delattr(lock, "mp_lock", raising=False)
    for kind in TQDM.__mro__:
        if "_lock" in vars(kind):
            monkeypatch.delattr(kind, "_lock")
    _keep_tqdm_within_the_process()
    TQDM(range(1), disable=True)
    del TQDM._lock
    assert not hasattr(lock, "mp_lock")


@pytest.mark.parametrize(
    ("visible", "named"), [(None, ("0", "1", "2")), ("5,3,GPU-a,7", ("5", "3", "GPU-a")), ("", ("0", "1", "2"))]
)
def test_each_worker_gets_one_of_the_gpus(
    monkeypatch: pytest.MonkeyPatch, visible: str | None, named: tuple[str, ...]
) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    gpus = gpus_of(torch.device("cuda"))
    assert gpus == named
    given: list[str] = []

    class Started:
        def __init__(self, _: object, arguments: tuple[object, _Environment], **_kept: object) -> None:
            given.append(arguments[1].variables["CUDA_VISIBLE_DEVICES"])

    monkeypatch.setattr(workers, "start_process", Started)
    pool = _Pool(1, None, gpus)
    for _ in range(6):
        pool._start()
    assert sorted(given) == sorted([*named, *named])
    assert given[:3] == list(named)
