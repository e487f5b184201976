"""Runs side by side: one process each, so that a network gains from every core and its bits depend on none."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
import traceback
from collections.abc import Sequence
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any

import torch

from convstudy.errors import ConvstudyError, StudyError
from convstudy.processes import place, started_by_torchrun
from convstudy.study.runs.events import Observer
from convstudy.study.runs.perform import perform
from convstudy.study.runs.task import Task
from convstudy.study.runs.tuning import working_with
from convstudy.training import Epoch


def perform_all(tasks: Sequence[Task], jobs: int, threads: int, observer: Observer) -> None:
    """Perform the tasks, `jobs` at a time, each with `threads` threads.

    Raises: the ConvstudyError that ended a run; the other runs are stopped then, and go on from their last epoch when
    they are asked for again.
    """
    if started_by_torchrun() and place().alone:
        raise StudyError(
            "torchrun starts processes that train one network, as `convstudy train` does; "
            "`convstudy compare` is started without it, and --jobs says how many runs go side by side"
        )
    jobs = min(jobs, len(tasks))
    if jobs <= 1:
        with working_with(threads):
            for task in tasks:
                perform(task, observer)
        return
    context = multiprocessing.get_context("spawn")
    workers: dict[Connection, BaseProcess] = {}
    try:
        for _ in range(jobs):
            ours, theirs = context.Pipe()
            process: BaseProcess = context.Process(target=_work, args=(theirs, threads, list(sys.path)), daemon=True)
            process.start()
            theirs.close()
            workers[ours] = process
        _hand_out(tasks, list(workers), observer)
    finally:
        for connection, process in workers.items():
            process.terminate()
            process.join()
            connection.close()


def _hand_out(tasks: Sequence[Task], connections: list[Connection], observer: Observer) -> None:
    """Give each worker a task, and the next one when it is done; pass on what the workers say."""
    waiting = list(tasks)
    for connection in connections:
        connection.send(waiting.pop(0))
    busy = len(connections)
    while busy:
        ready_now = wait(connections)
        for ready in (connection for connection in connections if connection in ready_now):
            said, arguments, named = _heard(ready)
            if said == "done":
                busy -= 1
                if waiting:
                    ready.send(waiting.pop(0))
                    busy += 1
            elif said == "failed":
                raise arguments[0]
            else:
                getattr(observer, said)(*arguments, **named)


def _heard(connection: Connection) -> tuple[str, tuple[Any, ...], dict[str, Any]]:
    try:
        message: tuple[str, tuple[Any, ...], dict[str, Any]] = connection.recv()
    except (EOFError, ConnectionResetError):
        raise StudyError(
            "a run was killed, perhaps for want of memory; the same command goes on from its last epoch, "
            "and `--jobs 1` or a smaller --batch-size needs less memory"
        ) from None
    return message


class _Reporter:
    """The observer of a worker: it sends every word to the parent."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def start(self, *, missing: int, total: int) -> None:
        self._send("start", missing=missing, total=total)

    def start_run(self, model: str, *, seed: int, index: int, epochs: int, steps_per_epoch: int) -> None:
        self._send("start_run", model, seed=seed, index=index, epochs=epochs, steps_per_epoch=steps_per_epoch)

    def step(self, index: int, *, epoch: int, step: int, loss: float, images_per_second: float) -> None:
        self._send("step", index, epoch=epoch, step=step, loss=loss, images_per_second=images_per_second)

    def note(self, index: int, text: str) -> None:
        self._send("note", index, text)

    def end_epoch(self, index: int, epoch: Epoch) -> None:
        self._send("end_epoch", index, epoch)

    def end_run(self, index: int) -> None:
        self._send("end_run", index)

    def _send(self, said: str, *arguments: object, **named: object) -> None:
        self._connection.send((said, arguments, named))


def _die_with_the_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _work(connection: Connection, threads: int, path: list[str]) -> None:
    """A worker: perform what comes, until the parent closes the pipe or dies."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    threading.Thread(target=_die_with_the_parent, daemon=True).start()
    sys.path[:] = path
    torch.set_num_threads(threads)
    while True:
        try:
            task: Task = connection.recv()
        except EOFError:
            return
        try:
            perform(task, _Reporter(connection))
        except ConvstudyError as error:
            connection.send(("failed", (StudyError(str(error)),), {}))
        except Exception:
            connection.send(("failed", (RuntimeError(traceback.format_exc()),), {}))
        else:
            connection.send(("done", (), {}))
