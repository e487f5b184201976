"""Training of one network by several processes: each has a copy and a part of every batch; gradients are averaged."""

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
from convstudy.wording import plural


@contextmanager
def in_parallel(state: TrainingState, batches: TrainingBatches) -> Iterator[None]:
    """Let the joined processes train the network of `state` together during the block.

    A single process trains as it is. On GPUs, batch normalization covers the whole batch (SyncBatchNorm). On the CPU,
    for which torch has no such layer, it covers the part of each process, and the running statistics are those of the
    first process.

    Raises: RecipeError, if a batch has fewer images than there are processes.
    """
    here = place()
    if here.alone:
        yield
        return
    smallest = len(batches.resident) // batches.steps_per_epoch
    if smallest < here.world:
        raise_once(
            RecipeError(
                f"batch_size {batches.recipe.batch_size} gives batches of only {plural(smallest, 'image')}; "
                f"expected at least one for each of the {here.world} processes"
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
        if not gpu:
            state.wrapped.register_comm_hook(None, lambda _, bucket: added_by_rank(bucket.buffer()))
        yield
    finally:
        state.wrapped = None
        for name, norm in norms.items() if gpu else ():  # they share statistics with their replacements
            state.network.set_submodule(name, norm)


def added_by_rank(gradients: torch.Tensor) -> torch.futures.Future[torch.Tensor]:
    """Average gradients, added up in the order of the processes.

    Gloo adds them up in an order that depends on their place in the bucket, and DistributedDataParallel arranges its
    buckets anew after the first step. With three processes or more, a resumed run would be rounded otherwise.
    """
    own = gradients / dist.get_world_size()
    parts = [torch.empty_like(own) for _ in range(dist.get_world_size())]
    work = dist.all_gather(parts, own, async_op=True)

    def added(_: object) -> torch.Tensor:
        total = parts[0]
        for part in parts[1:]:
            total += part
        return total

    return work.get_future().then(added)


def share_buffers(network: nn.Module) -> None:
    """Copy the running statistics of the first process to all processes."""
    if not place().alone:
        for buffer in network.buffers():
            dist.broadcast(buffer, src=0)


def images_of(batches: TrainingBatches, step: int) -> int:
    """Return the number of images in the batch of a step (from 1), over all processes."""
    each, rest = divmod(len(batches.resident), batches.steps_per_epoch)
    return each + (step <= rest)


def batch_normalization_sees(network: nn.Module, device: torch.device, processes: int) -> str:
    """Return the images that batch normalization averages over in training by so many processes together.

    This is `batch`, or `part` if each process uses its own part, or an empty string if the network has no such layer.

    >>> [batch_normalization_sees(nn.BatchNorm2d(3), torch.device("cpu"), processes) for processes in (1, 2)]
    ['batch', 'part']
    """
    if not any(isinstance(layer, _BatchNorm) for layer in network.modules()):
        return ""
    return "batch" if processes == 1 or device.type == "cuda" else "part"
