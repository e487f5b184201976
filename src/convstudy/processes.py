"""Processes that train one network together, as `torchrun` starts them: who is here, and what they agree on.

What one process does alone, such as writing a file, is done inside `agreed` or `first`, so that no process waits for
one that has failed, and one line says what went wrong, not one a process.
"""

from __future__ import annotations

import atexit
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, NoReturn, TypeVar, cast

import torch
import torch.distributed as dist
from torch import Tensor

from convstudy.errors import ConvstudyError, ToolError

Result = TypeVar("Result")

STARTED_BY_TORCHRUN = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT")
PATIENCE = timedelta(
    hours=2
)  # of a process for the others: the first one may have data to fetch; torchrun ends the dead
FAILED, INTERRUPTED = 2, 130  # exit statuses of the processes that leave the word to another one


@dataclass(frozen=True)
class Place:
    """This process's place among those that work together."""

    rank: int = 0  # from 0
    world: int = 1  # how many they are
    local_world: int = 1  # and how many of them on this machine

    @property
    def first(self) -> bool:
        """Whether this is the process that writes and prints."""
        return self.rank == 0

    @property
    def alone(self) -> bool:
        return self.world == 1


def place() -> Place:
    """This process's place; alone, where no others have been joined.

    >>> place()
    Place(rank=0, world=1, local_world=1)
    """
    if not (dist.is_available() and dist.is_initialized()):
        return Place()
    return Place(dist.get_rank(), dist.get_world_size(), int(os.environ.get("LOCAL_WORLD_SIZE", "1")))


def started_by_torchrun() -> bool:
    """Whether the environment is that of one of several processes."""
    return all(name in os.environ for name in STARTED_BY_TORCHRUN) and int(os.environ["WORLD_SIZE"]) > 1


@contextmanager
def joined() -> Iterator[Place]:
    """Work together with the other processes that torchrun has started; alone, where it has not.

    Control goes over gloo, gradients of GPUs over NCCL. When it ends by Ctrl-C, the first process says so.

    Raises: ToolError, when another process has died.
    """
    if not started_by_torchrun():
        yield Place()
        return
    gpus = torch.cuda.is_available()
    if gpus:
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]) % torch.cuda.device_count())
    dist.init_process_group("cpu:gloo,cuda:nccl" if gpus else "gloo", timeout=PATIENCE)
    here = place()
    try:
        yield here
    except KeyboardInterrupt:
        if here.first:
            raise
        raise SystemExit(INTERRUPTED) from None
    except ConvstudyError:
        atexit.register(_leave)  # once the word is said: the others end then, and torchrun ends all with them
        raise
    except SystemExit:  # nothing to say here; torchrun ends the others with the first that ends, so let that one speak
        with suppress(RuntimeError):
            summed(torch.zeros(()))
        _leave()
        raise
    except RuntimeError as error:
        if not _of_the_connection(error):
            raise
        raise ToolError(
            f"process {here.rank} of {here.world} has lost another one, whose own words say why; "
            "the same command goes on from the last checkpoint"
        ) from error
    else:
        dist.destroy_process_group()


def _leave() -> None:
    """Stop gloo's threads, which may end a Python that ends before them by a signal, whatever its status was to be."""
    with suppress(RuntimeError):
        dist.destroy_process_group()


def _of_the_connection(error: RuntimeError) -> bool:
    return isinstance(error, dist.DistError) or "gloo" in str(error) or "Connection" in str(error)


def agreed(work: Callable[[], Result]) -> Result:
    """What `work` gives here, once it has gone well in every process.

    Raises: its error in the process that had it, the first one of several; SystemExit in the others.
    """
    here = place()
    if here.alone:
        return work()
    failure: Exception | None = None
    try:
        result = work()
    except Exception as error:
        failure = error
    failed = [rank for rank, ill in enumerate(gathered(failure is not None)) if ill]
    if failed:
        if failure is not None and failed[0] == here.rank:
            raise failure
        raise SystemExit(FAILED)
    return result


def raise_once(error: Exception) -> NoReturn:
    """End with an error that all processes have met: it is raised in the first one, and SystemExit in the others."""
    if place().first:
        raise error
    raise SystemExit(FAILED)


def first(work: Callable[[], Result]) -> Result:
    """What `work` gives in the first process, which alone does it, in all of them.

    Raises: as `agreed`.
    """
    here = place()
    if here.alone:
        return work()
    done = [agreed(lambda: work() if here.first else None)]
    dist.broadcast_object_list(done, src=0)
    return cast(Result, done[0])


def first_then_others(work: Callable[[], Result]) -> Result:
    """What `work` gives here, done by the first process before the others begin: it may fetch what they then find.

    Raises: as `agreed`.
    """
    here = place()
    done = agreed(lambda: work() if here.first else None)
    rest = agreed(lambda: None if here.first else work())
    return cast(Result, done if here.first else rest)


def gathered(value: Any) -> list[Any]:
    """The value of each process, in the order of their ranks, in all of them."""
    here = place()
    if here.alone:
        return [value]
    values: list[Any] = [None] * here.world
    dist.all_gather_object(values, value)
    return values


def summed(values: Tensor) -> Tensor:
    """The sum over all processes, of values on the CPU, in all of them."""
    if not place().alone:
        dist.all_reduce(values)
    return values
