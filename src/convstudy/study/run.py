"""One run: one network, one seed, from its random initialisation to its answers on the test part."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from convstudy.data import DataSet
from convstudy.errors import DivergedError
from convstudy.evaluation import ResidentImages, predict_together
from convstudy.processes import agreed, first, place
from convstudy.study.at_work import noted_process
from convstudy.study.code_version import code_version
from convstudy.study.data_record import DataRecord
from convstudy.study.failure import noted_failure
from convstudy.study.folder import RunFolder
from convstudy.study.lr_grid import Trial, best_trial, store_trial, stored_trial, take_weights
from convstudy.study.material import Material
from convstudy.study.material import training_parts as training_parts  # noqa: PLC0414 - others look for it here
from convstudy.study.measured_cost import measured_cost
from convstudy.study.model import open_model
from convstudy.study.preprocessing import Preprocessing
from convstudy.study.source_copy import keep_source
from convstudy.study.transfer import FrozenBackbone, of_epochs, unaugmented
from convstudy.study.writing import writing_into
from convstudy.training import Epoch, Recipe, TrainingBatches, train
from convstudy.training.parallel import batch_normalisation_sees, share_buffers


@dataclass(frozen=True)
class Task:
    """All that one run needs, so that any process can perform it."""

    model: str  # the network's name
    input_shape: tuple[int, int, int]
    data: DataSet  # with the side of the network's input
    origin: DataRecord
    recipe: Recipe
    seed: int
    device: torch.device
    folder: RunFolder
    index: int  # from 1
    freeze: bool = False  # train the last linear layer alone
    unfreeze_at: int = 0  # and the whole network after so many epochs; 0: never
    lr_grid: tuple[float, ...] = ()  # train with each of these learning rates, and test what validation favours
    notes: tuple[str, ...] = ()  # how its settings came about, for its record


class Observer(Protocol):
    """Who is told how the runs go on: a display. Runs are told apart by their index, for they may go side by side."""

    def start(self, *, missing: int, total: int) -> None: ...
    def start_run(self, model: str, *, seed: int, index: int, epochs: int, steps_per_epoch: int) -> None: ...
    def step(self, index: int, *, epoch: int, step: int, loss: float, images_per_second: float) -> None: ...
    def note(self, index: int, text: str) -> None: ...
    def end_epoch(self, index: int, epoch: Epoch) -> None: ...
    def end_run(self, index: int) -> None: ...


@dataclass(frozen=True)
class Stage:
    """A part of a run: what is trained, on which images or features, and where its checkpoint is."""

    trained: nn.Module
    batches: TrainingBatches
    validation: ResidentImages
    checkpoint: Path
    seconds: float = 0.0  # that were needed before its first step


def perform(task: Task, observer: Observer) -> None:
    """Train from the checkpoint or from the start, then open the test part once, and write the run's folder.

    The weights tested are those that training ends with: nothing is selected on the test part.

    Raises: DivergedError, with network, seed, epoch and step; StudyError, when the folder cannot be written.
    """
    with noted_failure(task.folder), writing_into(task.folder.path), noted_process(task.folder):
        _perform(task, observer)


def _perform(task: Task, observer: Observer) -> None:
    first(lambda: keep_source(task.model, task.folder.path))
    material, training, validation = Material.of(task)
    _start(task, observer, len(training))
    if task.lr_grid:
        trained = _of_grid(task, observer, material.network, training, validation)
    else:
        network = material.network()
        trained = Trained(task, network, *_trained(task, observer, stages(task, network, training, validation)))
    _test(trained, material.resident(task.data.test), len(training))
    observer.end_run(task.index)


@dataclass(frozen=True)
class Trained:
    """A network when training has ended, and the task that it ended as; of a grid, the chosen training."""

    task: Task
    network: nn.Module
    epochs: list[Epoch]
    seconds: float  # of training; of a grid, of all its trainings
    notes: tuple[str, ...] = ()  # what was changed for want of memory
    trials: tuple[Trial, ...] = ()

    @property
    def all_epochs(self) -> int:
        """Of all trainings together."""
        return sum(trial.epochs for trial in self.trials) or len(self.epochs)


def _start(task: Task, observer: Observer, images: int) -> None:
    epochs = task.recipe.epochs * max(len(task.lr_grid), 1)
    steps = -(-images // task.recipe.batch_size)
    agreed(
        lambda: observer.start_run(task.model, seed=task.seed, index=task.index, epochs=epochs, steps_per_epoch=steps)
    )


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


def stages(task: Task, network: nn.Module, training: ResidentImages, validation: ResidentImages) -> Iterator[Stage]:
    """The whole network from its first step; or its head on features, and from `unfreeze_at` on the whole network."""
    recipe = task.recipe
    if task.freeze:
        started = time.perf_counter()
        backbone = FrozenBackbone.of(network, task.model, training, task.data.num_classes)
        features, held_out = backbone.features(training), backbone.features(validation)
        of_head = of_epochs(unaugmented(recipe), task.unfreeze_at or recipe.epochs)
        batches = TrainingBatches(features, of_head, task.seed)
        checkpoint = task.folder.head_checkpoint if task.unfreeze_at else task.folder.checkpoint
        yield Stage(backbone.trained, batches, held_out, checkpoint, time.perf_counter() - started)
        if not task.unfreeze_at:
            return
        network.requires_grad_(True)
        recipe = of_epochs(recipe, recipe.epochs - task.unfreeze_at)
    yield Stage(network, TrainingBatches(training, recipe, task.seed), validation, task.folder.checkpoint)


def _trained(task: Task, observer: Observer, parts: Iterator[Stage]) -> tuple[list[Epoch], float, tuple[str, ...]]:
    """Train stage after stage; the epochs, numbered through, the seconds that training took, and its notes."""
    told: list[Epoch] = []
    notes: list[str] = []
    seconds = 0.0

    def end_epoch(epoch: Epoch) -> None:
        told.append(replace(epoch, epoch=len(told) + 1))
        first(lambda: task.folder.write_epochs(told))
        observer.end_epoch(task.index, told[-1])

    def note(text: str) -> None:
        notes.append(text)
        observer.note(task.index, text)

    for stage in parts:
        before = len(told)
        seconds += stage.seconds
        try:
            train(
                stage.trained,
                stage.batches,
                stage.validation,
                checkpoint=stage.checkpoint,
                on_step=lambda progress, before=before: observer.step(  # type: ignore[misc]
                    task.index, **asdict(replace(progress, epoch=before + progress.epoch))
                ),
                on_epoch=end_epoch,
                on_note=note,
            )
        except DivergedError as error:
            raise DivergedError(f"{task.model}, seed {task.seed}: {error}") from error
    return told, seconds + sum(epoch.seconds for epoch in told), tuple(notes)


def _test(trained: Trained, test: ResidentImages, train_images: int) -> None:
    """Open the test part, once, and write what the run leaves."""
    share_buffers(trained.network)
    logits = predict_together(trained.network, test).numpy().astype(np.float32)
    first(lambda: _write(trained, test, logits, train_images))


def _write(trained: Trained, test: ResidentImages, logits: npt.NDArray[np.float32], train_images: int) -> None:
    task, network = trained.task, trained.network
    channels, side, _ = task.input_shape
    record: dict[str, Any] = {
        "model": task.model,
        "code": open_model(task.model).code,
        "seed": task.seed,
        "input_shape": task.input_shape,
        "preprocessing": Preprocessing(channels, task.origin.image_side, side, test.mean, test.std).to_json(),
        "data": asdict(task.origin),
        "recipe": asdict(task.recipe),
        "freeze": task.freeze,
        "unfreeze_at": task.unfreeze_at,
        "processes": place().world,
        "batch_normalisation": batch_normalisation_sees(network, task.device),
        "notes": [*task.notes, *trained.notes],
        "top1": float((logits.argmax(1) == task.data.test.labels).mean()),
        "train_images": train_images,
        "train_seconds": trained.seconds,
        "images_per_second": train_images * trained.all_epochs / trained.seconds,
        **measured_cost(trained, train_images).to_dict(),
        "threads": torch.get_num_threads(),
        "device": task.device.type,
        **code_version(),
    }
    if trained.trials:
        record["lr_grid"] = [asdict(trial) for trial in trained.trials]
    task.folder.write(network.cpu(), trained.epochs, task.data.test.ids, task.data.test.labels, logits, record)
