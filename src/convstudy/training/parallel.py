"""One network trained by several processes: each has a copy and a part of every batch, and they average gradients."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.parallel import DistributedDataParallel

from convstudy.errors import RecipeError
from convstudy.processes import place, raise_once
from convstudy.training.batches import TrainingBatches
from convstudy.training.state import TrainingState


@contextmanager
def in_parallel(state: TrainingState, batches: TrainingBatches) -> Iterator[None]:
    """Let the processes that were joined train the network of `state` together; one that is alone trains as it is.

    On GPUs, batch normalisation works on the whole batch (SyncBatchNorm); on the CPU, for which torch has none, on each
    process's part of it, and the running statistics are those of the first process.

    Raises: RecipeError, when a batch has too few images for the processes.
    """
    here = place()
    if here.alone:
        yield
        return
    smallest = len(batches.resident) // batches.steps_per_epoch
    if smallest < here.world:
        raise_once(
            RecipeError(
                f"--batch-size {batches.recipe.batch_size} gives batches with as few images as {smallest}; expected "
                f"one for each of the {here.world} processes"
            )
        )
    gpu = next(state.network.parameters()).is_cuda
    norms = {name: layer for name, layer in state.network.named_modules() if name and isinstance(layer, _BatchNorm)}
    if gpu:
        nn.SyncBatchNorm.convert_sync_batchnorm(state.network)  # type: ignore[no-untyped-call]
    try:
        state.wrapped = DistributedDataParallel(
            state.network, device_ids=[torch.cuda.current_device()] if gpu else None
        )
        yield
    finally:
        state.wrapped = None
        for name, norm in norms.items() if gpu else ():  # they share their statistics with those that took their place
            state.network.set_submodule(name, norm)


def share_buffers(network: nn.Module) -> None:
    """Give all processes the running statistics of the first one."""
    if not place().alone:
        for buffer in network.buffers():
            dist.broadcast(buffer, src=0)


def images_of(batches: TrainingBatches, step: int) -> int:
    """How many images the batch of a step (from 1) has, over all processes."""
    each, rest = divmod(len(batches.resident), batches.steps_per_epoch)
    return each + (step <= rest)


def batch_normalisation_sees(network: nn.Module, device: torch.device) -> str:
    """Of what images it takes mean and variance in training: `batch`, or `part` where each process takes its own.

    Nothing, for a network without.

    >>> batch_normalisation_sees(nn.BatchNorm2d(3), torch.device("cpu"))
    'batch'
    """
    if not any(isinstance(layer, _BatchNorm) for layer in network.modules()):
        return ""
    return "batch" if place().alone or device.type == "cuda" else "part"
