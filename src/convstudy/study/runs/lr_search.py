"""Learning-rate search: one training per learning rate of a grid; the validation set decides which is kept."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from torch import nn

from convstudy.errors import DivergedError
from convstudy.inference import ResidentImages
from convstudy.processes import ReportedElsewhere, first
from convstudy.study.runs.events import OnEvent, after_epochs
from convstudy.study.runs.lr_trial import Trial, best_trial, store_trial, stored_trial, take_weights
from convstudy.study.runs.stages import stages, train_stages
from convstudy.study.runs.task import Task
from convstudy.study.runs.trained import Trained


def search_lr(
    task: Task,
    new_network: Callable[[], nn.Module],
    training: ResidentImages,
    validation: ResidentImages,
    on_event: OnEvent,
) -> Trained:
    """Train with each learning rate of the grid from the same initial weights, and return the best training.

    The best one is chosen on the validation set. Trainings that the folder already holds are not repeated.

    Raises: DivergedError, if training diverged at every learning rate.
    """
    trials: dict[Trial, Task] = {}
    for position, lr in enumerate(task.lr_grid):
        training_task = replace(task, recipe=replace(task.recipe, lr=lr), folder=task.folder.trial(lr))
        numbered = after_epochs(on_event, position * task.recipe.epochs)
        trial = first(partial(stored_trial, training_task.folder))
        trials[trial or _try(training_task, new_network(), training, validation, numbered)] = training_task
    best = best_trial(list(trials), task.title)
    folder, network = trials[best].folder, new_network()
    take_weights(folder, network)
    return Trained(
        task=task,
        network=network,
        lr=best.lr,
        epochs=folder.epochs_so_far(),
        seconds=sum(trial.seconds for trial in trials),
        trials=tuple(trials),
    )


def _try(
    task: Task, network: nn.Module, training: ResidentImages, validation: ResidentImages, on_event: OnEvent
) -> Trial:
    """Train with one learning rate of the grid, and store the result."""
    first(lambda: task.folder.path.mkdir(exist_ok=True))
    started = time.perf_counter()
    try:
        done = train_stages(task, stages(task, network, training, validation), on_event)
        trial = Trial.of(task.recipe.lr, done.seconds, done.epochs, task.recipe.patience)
    except (DivergedError, ReportedElsewhere) as error:
        if isinstance(error, ReportedElsewhere) and not isinstance(error.error, DivergedError):
            raise
        trial = Trial(task.recipe.lr, time.perf_counter() - started, len(task.folder.epochs_so_far()))
    first(lambda: store_trial(task.folder, trial, network))
    return trial
