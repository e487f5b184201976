"""The training loop."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn
from torch.optim import Optimizer

from convstudy.evaluation import ResidentImages, predict
from convstudy.training.batches import TrainingBatches
from convstudy.training.checkpoint import load_checkpoint, save_checkpoint
from convstudy.training.epoch import Epoch, Tally
from convstudy.training.objective import objective
from convstudy.training.optimiser import optimiser as make_optimiser
from convstudy.training.schedule import learning_rate
from convstudy.training.seeds import stream_seed

STEPS_BETWEEN_LOOKS = 10  # the loss is fetched from the device this often, and at the end of an epoch


@dataclass(frozen=True)
class Progress:
    """Where a run is, for a display."""

    epoch: int  # from 1
    step: int  # of the epoch, from 1
    loss: float  # mean of the epoch so far
    images_per_second: float  # of the epoch so far


def unobserved(_: Any) -> None:
    """The observer that looks at nothing."""


def train(
    network: nn.Module,
    batches: TrainingBatches,
    validation: ResidentImages,
    *,
    checkpoint: Path | None = None,
    on_step: Callable[[Progress], None] = unobserved,
    on_epoch: Callable[[Epoch], None] = unobserved,
) -> list[Epoch]:
    """Train `network` in place under the recipe of `batches`; give the metrics of each epoch.

    With `checkpoint`, the state is written there after each epoch, and a run that finds it goes on from it: on the
    CPU the final weights are the same, bit for bit, as those of a run that was never interrupted. `on_epoch` is
    told of the epochs that the checkpoint holds, too.

    Raises: DivergedError, with epoch and step, when the loss is NaN or infinite.
    """
    optimiser = make_optimiser(network, batches.recipe)
    history: list[Epoch] = []
    if checkpoint and checkpoint.exists():
        history = load_checkpoint(checkpoint, network, optimiser)
        for epoch in history:
            on_epoch(epoch)
    for number in range(len(history) + 1, batches.recipe.epochs + 1):
        epoch = _train_epoch(network, optimiser, batches, validation, number, on_step)
        history.append(epoch)
        if checkpoint:
            save_checkpoint(checkpoint, network, optimiser, history)
        on_epoch(epoch)
    return history


def _train_epoch(
    network: nn.Module,
    optimiser: Optimizer,
    batches: TrainingBatches,
    validation: ResidentImages,
    epoch: int,
    on_step: Callable[[Progress], None],
) -> Epoch:
    recipe, steps = batches.recipe, batches.steps_per_epoch
    torch.manual_seed(stream_seed(batches.seed, "dropout", epoch))
    network.train()
    tally = Tally(epoch)
    started = time.perf_counter()
    for step, (images, labels) in enumerate(batches.epoch(epoch), start=1):
        for group in optimiser.param_groups:
            group["lr"] = learning_rate((epoch - 1) * steps + step - 1, steps, recipe)
        loss, logits = objective(network(images), labels, recipe.label_smoothing)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        tally.add(loss, logits, labels)
        if step % STEPS_BETWEEN_LOOKS == 0 or step == steps:
            tally.look()
            on_step(Progress(epoch, step, tally.mean_loss, tally.seen / (time.perf_counter() - started)))
    seconds = time.perf_counter() - started
    last_lr = optimiser.param_groups[0]["lr"]
    return Epoch(epoch, last_lr, tally.mean_loss, tally.top1, *_validate(network, validation), seconds)


def _validate(network: nn.Module, validation: ResidentImages) -> tuple[float, float]:
    logits, labels = predict(network, validation), validation.labels.cpu()
    return F.cross_entropy(logits, labels).item(), (logits.argmax(1) == labels).float().mean().item()
