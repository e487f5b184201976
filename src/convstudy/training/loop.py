"""The training loop."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from convstudy.errors import RecipeError
from convstudy.freed_memory import freed_memory_kept
from convstudy.inference import ResidentImages, predict_together
from convstudy.processes import place, summed
from convstudy.training.batches import TrainingBatches
from convstudy.training.checkpoint import load_checkpoint, previous, save_checkpoint
from convstudy.training.compilation import compiled
from convstudy.training.epoch import Epoch
from convstudy.training.initialization import initialize
from convstudy.training.interruption import interruption
from convstudy.training.optimizer import set_learning_rate
from convstudy.training.parallel import images_of, in_parallel, share_buffers
from convstudy.training.rewriting import rewritten
from convstudy.training.schedule import learning_rate
from convstudy.training.seeds import generator, stream_seed
from convstudy.training.state import TrainingState, out_of_patience
from convstudy.training.step import take_step
from convstudy.training.tally import Tally

STEPS_BETWEEN_LOOKS = 10  # the loss is fetched from the device this often, and at the end of an epoch


@dataclass(frozen=True)
class Progress:
    """The position of a run, for a progress display."""

    epoch: int  # from 1
    step: int  # of the epoch, from 1
    loss: float  # mean of the epoch so far
    images_per_second: float  # of the epoch so far


def unobserved(_: Any) -> None:
    """Ignore an event."""


def train(
    network: nn.Module,
    batches: TrainingBatches,
    validation: ResidentImages | None,
    *,
    checkpoint: Path | None = None,
    checkpoint_seconds: float = 60.0,
    on_step: Callable[[Progress], None] = unobserved,
    on_epoch: Callable[[Epoch], None] = unobserved,
    on_note: Callable[[str], None] = unobserved,
) -> list[Epoch]:
    """Train `network` in place under the recipe of `batches`, and return the metrics of each epoch.

    The network ends with the weights of the last step, or with their moving average if the recipe has one. With
    `patience` training ends after that many epochs without a lower validation loss, with the weights of the best epoch.

    With `checkpoint`, the state is written there after each epoch, within an epoch every `checkpoint_seconds` seconds,
    and on Ctrl-C, which ends training after the step (KeyboardInterrupt). A run that finds the file continues from it;
    on the CPU the final weights are bit-identical to those of an uninterrupted run. `on_epoch` is also called for the
    epochs in the checkpoint, and `on_note` for its notes.

    On out-of-memory, halve the micro-batch and report it through `on_note`.

    Processes that have been joined (`convstudy.processes`) train the network together: each takes its part of every
    batch, the first one alone writes the checkpoint, and all return the same metrics. They stop and save after every
    tenth step only.

    Raises: DivergedError, with epoch, step and learning rate, if the loss is NaN or infinite; RecipeError, if early
    stopping is requested without a validation set.
    """
    recipe = batches.recipe
    if recipe.patience and not validation:
        raise RecipeError(
            f"patience is {recipe.patience}, but there is no validation set; set patience to 0 or provide one"
        )
    initialize(network, recipe.init, generator(batches.seed, "initialisation"))  # the name decides the weights
    state = TrainingState.of(network, recipe)
    state.on_note = on_note
    if checkpoint and load_checkpoint(checkpoint, state):
        for note in state.notes:
            on_note(note)
        for epoch in state.history:
            on_epoch(epoch)
    saving = Saving(checkpoint, checkpoint_seconds)
    with (
        freed_memory_kept(),
        in_parallel(state, batches),
        compiled(state, recipe.compile),
        interruption() as asked_to_stop,
    ):
        while len(state.history) < recipe.epochs and not out_of_patience(state.history, recipe.patience):
            epoch = _train_epoch(state, batches, validation, on_step, saving, asked_to_stop)
            state.end_epoch(epoch, recipe.patience)
            saving.save(state)
            on_epoch(epoch)
    if checkpoint and place().first:
        previous(checkpoint).unlink(missing_ok=True)
    state.finish()
    return state.history


@dataclass
class Saving:
    """The path of checkpoints, and when the next one is due."""

    path: Path | None
    seconds: float
    last: float = field(default_factory=time.monotonic)

    def due(self) -> bool:
        return self.path is not None and time.monotonic() - self.last >= self.seconds

    def save(self, state: TrainingState) -> None:
        if self.path:
            save_checkpoint(self.path, state)
        self.last = time.monotonic()


def _train_epoch(
    state: TrainingState,
    batches: TrainingBatches,
    validation: ResidentImages | None,
    on_step: Callable[[Progress], None],
    saving: Saving,
    asked_to_stop: Callable[[], bool],
) -> Epoch:
    recipe, steps, epoch, here = batches.recipe, batches.steps_per_epoch, len(state.history) + 1, place()
    if state.step == 0:
        torch.manual_seed(stream_seed(batches.seed, "dropout", epoch, here.rank))
    state.network.train()
    tally = Tally(epoch, **(state.tally or {}))
    started = time.perf_counter() - state.seconds
    shares = batches.epoch(epoch, after_step=state.step, rank=here.rank, world=here.world)
    with rewritten(state.network) if recipe.channels_last and not recipe.compile else nullcontext():
        for step, (images, labels) in enumerate(shares, start=state.step + 1):
            lr = learning_rate((epoch - 1) * steps + step - 1, steps, recipe)
            set_learning_rate(state.optimizer, lr)
            whole = images_of(batches, step)
            loss, correct = take_step(state, batches, images, labels, whole=whole)
            tally.add(loss, correct, whole, lr)
            looking = step % STEPS_BETWEEN_LOOKS == 0 or step == steps
            if looking:
                tally.look()
                on_step(Progress(epoch, step, tally.mean_loss, tally.seen / (time.perf_counter() - started)))
            stop, due = _of_all(looking, asked_to_stop(), saving.due() and step < steps)
            if stop or due:
                if tally.waiting:
                    tally.look()
                    on_step(Progress(epoch, step, tally.mean_loss, tally.seen / (time.perf_counter() - started)))
                state.step, state.tally, state.seconds = step, tally.so_far(), time.perf_counter() - started
                saving.save(state)
            if stop:
                raise KeyboardInterrupt
    seconds = time.perf_counter() - started
    measured = _validate(state.evaluated, validation) if validation else (math.nan, math.nan)
    return Epoch(epoch, tally.lrs[-1], tally.mean_loss, tally.top1, *measured, seconds)


def _validate(network: nn.Module, validation: ResidentImages) -> tuple[float, float]:
    share_buffers(network)
    logits, labels = predict_together(network, validation), validation.labels.cpu()
    return F.cross_entropy(logits, labels).item(), (logits.argmax(1) == labels).float().mean().item()


def _of_all(looking: bool, stop: bool, due: bool) -> tuple[bool, bool]:
    """Return whether any process should stop, and whether the first one should save; asked when losses are fetched."""
    if place().alone or not looking:
        return place().alone and stop, place().alone and due
    asked, saved = summed(torch.tensor([stop, due and place().first], dtype=torch.int32)).tolist()
    return asked > 0, saved > 0
