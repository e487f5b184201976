"""An equal grid of learning rates: a training with each, and the one that the validation part favours."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from torch import nn

from convstudy.errors import DivergedError
from convstudy.inference import ResidentImages
from convstudy.study.runs.events import Observer
from convstudy.study.runs.lr_trial import Trial, best_trial, store_trial, stored_trial, take_weights
from convstudy.study.runs.stages import _trained, stages
from convstudy.study.runs.task import Task
from convstudy.study.runs.trained import Trained
from convstudy.training import Epoch


def _of_grid(
    task: Task,
    observer: Observer,
    new_network: Callable[[], nn.Module],
    training: ResidentImages,
    validation: ResidentImages,
) -> Trained:
    """Train with each learning rate of the grid, from the same initial weights; take what validation favours."""
    trials: dict[Trial, Task] = {}
    for place_in_grid, lr in enumerate(task.lr_grid):
        one = replace(task, recipe=replace(task.recipe, lr=lr), folder=task.folder.trial(lr))
        told = _Numbered(observer, place_in_grid * task.recipe.epochs)
        trials[stored_trial(one.folder) or _tried(one, told, new_network(), training, validation)] = one
    best = best_trial(list(trials), f"{task.model}, seed {task.seed}")
    chosen, network = trials[best], new_network()
    take_weights(chosen.folder, network)
    return Trained(
        replace(chosen, folder=task.folder),
        network,
        list(chosen.folder.epochs_so_far()),
        sum(trial.seconds for trial in trials),
        trials=tuple(trials),
    )


def _tried(
    task: Task, observer: Observer, network: nn.Module, training: ResidentImages, validation: ResidentImages
) -> Trial:
    """Train with one learning rate of a grid, and store how well that went."""
    started = time.perf_counter()
    try:
        epochs, seconds, _ = _trained(task, observer, stages(task, network, training, validation))
        trial = Trial.of(task.recipe.lr, seconds, epochs, task.recipe.patience)
    except DivergedError:
        trial = Trial(task.recipe.lr, time.perf_counter() - started, len(task.folder.epochs_so_far()))
    store_trial(task.folder, trial, network)
    return trial


@dataclass(frozen=True)
class _Numbered:
    """An observer of one training of a grid, whose epochs follow those of the trainings before it."""

    then: Observer
    before: int

    def start(self, *, missing: int, total: int) -> None:
        self.then.start(missing=missing, total=total)

    def start_run(self, model: str, *, seed: int, index: int, epochs: int, steps_per_epoch: int) -> None:
        self.then.start_run(model, seed=seed, index=index, epochs=epochs, steps_per_epoch=steps_per_epoch)

    def step(self, index: int, *, epoch: int, step: int, loss: float, images_per_second: float) -> None:
        self.then.step(index, epoch=self.before + epoch, step=step, loss=loss, images_per_second=images_per_second)

    def end_epoch(self, index: int, epoch: Epoch) -> None:
        self.then.end_epoch(index, replace(epoch, epoch=self.before + epoch.epoch))

    def note(self, index: int, text: str) -> None:
        self.then.note(index, text)

    def end_run(self, index: int) -> None:
        self.then.end_run(index)
