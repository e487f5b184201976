"""Processes that train one network together, as started by `torchrun`: their ranks, and how they agree.

Work that one process does alone, such as writing a file, goes through `agreed` or `first`, so that no process waits for
one that has failed, and an error is reported once and not once per process.
"""

from __future__ import annotations

import atexit
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar, cast

from convstudy.ctrl_c import INTERRUPTED
from convstudy.errors import ConvstudyError, ToolError

if TYPE_CHECKING:  # `convstudy status` does without torch, which takes seconds to import
    from torch import Tensor

Result = TypeVar("Result")

STARTED_BY_TORCHRUN = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT")
# How long a process waits for the others: the first one may have to download data. torchrun ends dead processes.
PATIENCE = timedelta(hours=2)
FAILED = 2  # exit status of processes that leave the reporting to another one


class ReportedElsewhere(SystemExit):
    """The end of a process whose error another process reports."""

    error: Exception | None = None  # if all processes have the same one


@dataclass(frozen=True)
class Place:
    """The rank of this process among those that work together."""

    rank: int = 0  # from 0
    world: int = 1  # number of processes
    local_world: int = 1  # number of processes on this machine

    @property
    def first(self) -> bool:
        """Whether this is the process that writes and prints."""
        return self.rank == 0

    @property
    def alone(self) -> bool:
        """Whether no other process takes part."""
        return self.world == 1


def place() -> Place:
    """Return this process's place; rank 0 of 1 if no others have joined.

    >>> place()
    Place(rank=0, world=1, local_world=1)
    """
    dist = sys.modules.get("torch.distributed")  # if it is not imported, nobody has joined
    if dist is None or not (dist.is_available() and dist.is_initialized()):
        return Place()
    return Place(dist.get_rank(), dist.get_world_size(), int(os.environ.get("LOCAL_WORLD_SIZE", "1")))


def started_by_torchrun() -> bool:
    """Return whether the environment describes one of several processes."""
    return all(name in os.environ for name in STARTED_BY_TORCHRUN) and int(os.environ["WORLD_SIZE"]) > 1


@contextmanager
def joined() -> Iterator[Place]:
    """Join the other processes that torchrun started, for the duration of the block; do nothing if it started none.

    Control messages use gloo, GPU gradients NCCL. After Ctrl-C, only the first process reports it.

    Raises: ToolError, if another process has died.
    """
    if not started_by_torchrun():
        yield Place()
        return
    import torch  # noqa: PLC0415 - see above
    import torch.distributed as dist  # noqa: PLC0415 - see above

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
        raise ReportedElsewhere(INTERRUPTED) from None
    except ConvstudyError:
        atexit.register(
            _leave
        )  # after the error has been printed: the others end then, and torchrun ends all processes
        raise
    except ReportedElsewhere:  # torchrun ends all processes at the first exit, so wait for the reporting one
        with suppress(RuntimeError):
            summed(torch.zeros(()))
        _leave()
        raise
    except RuntimeError as error:
        if not lost_connection(error):
            raise
        raise ToolError(
            f"process {here.rank} of {here.world} lost the connection to another process, whose own message says why; "
            "repeat the command to continue from the last checkpoint"
        ) from error
    else:
        dist.destroy_process_group()


def _leave() -> None:
    """Stop gloo's threads.

    A Python process that exits before them may be killed by a signal, whatever its exit status.
    """
    import torch.distributed as dist  # noqa: PLC0415 - see above

    with suppress(RuntimeError):
        dist.destroy_process_group()


def lost_connection(error: BaseException) -> bool:
    """Return whether an error is that another process, with which this one trains, has ended.

    >>> lost_connection(RuntimeError("Connection closed by peer"))  # nobody has joined
    False
    """
    if place().alone or not isinstance(error, RuntimeError):
        return False
    import torch.distributed as dist  # noqa: PLC0415 - see above

    return isinstance(error, dist.DistError) or "gloo" in str(error) or "Connection" in str(error)


def agreed(work: Callable[[], Result]) -> Result:
    """Return the result of `work` once it has succeeded in every process.

    Raises: the error of `work` in the first process that failed; SystemExit in all others.
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
        raise ReportedElsewhere(FAILED)
    return result


def raise_once(error: Exception) -> NoReturn:
    """Raise an error that all processes have, in the first process only, and SystemExit in the others."""
    if place().first:
        raise error
    ended = ReportedElsewhere(FAILED)
    ended.error = error
    raise ended


def first(work: Callable[[], Result]) -> Result:
    """Do `work` in the first process only, and return its result in all of them.

    Raises: as `agreed`.
    """
    here = place()
    if here.alone:
        return work()
    import torch.distributed as dist  # noqa: PLC0415 - see above

    done = [agreed(lambda: work() if here.first else None)]
    dist.broadcast_object_list(done, src=0)
    return cast(Result, done[0])


def first_then_others(work: Callable[[], Result]) -> Result:
    """Do `work` in the first process before the others start theirs, because it may download what they then find.

    Raises: as `agreed`.
    """
    here = place()
    done = agreed(lambda: work() if here.first else None)
    rest = agreed(lambda: None if here.first else work())
    return cast(Result, done if here.first else rest)


def gathered(value: Any) -> list[Any]:
    """Return the values of all processes, ordered by rank, in every process."""
    here = place()
    if here.alone:
        return [value]
    import torch.distributed as dist  # noqa: PLC0415 - see above

    values: list[Any] = [None] * here.world
    dist.all_gather_object(values, value)
    return values


def summed(values: Tensor) -> Tensor:
    """Return the sum of CPU values over all processes, in every process."""
    if not place().alone:
        import torch.distributed as dist  # noqa: PLC0415 - see above

        dist.all_reduce(values)
    return values
