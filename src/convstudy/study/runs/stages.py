"""Stages of a run, each a separate training: with a frozen backbone first the head, then the whole network."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from torch import nn

from convstudy.errors import DivergedError
from convstudy.inference import ResidentImages
from convstudy.study.runs.events import EpochEnded, Noted, OnEvent, StepEnded, after_epochs
from convstudy.study.runs.frozen_backbone import FrozenBackbone, of_epochs, unaugmented
from convstudy.study.runs.task import Task
from convstudy.training import Epoch, TrainingBatches, train
from convstudy.training.loop import Progress


@dataclass(frozen=True)
class Stage:
    """A part of a run: the module to train, its images or features, and the path of its checkpoint."""

    trained: nn.Module
    batches: TrainingBatches
    validation: ResidentImages
    checkpoint: Path
    seconds: float = 0.0  # spent before its first step, on computing features


@dataclass(frozen=True)
class Training:
    """Result of training all stages: consecutively numbered epochs, and the total seconds."""

    epochs: tuple[Epoch, ...]
    seconds: float
    notes: tuple[str, ...] = ()


def stages(task: Task, network: nn.Module, training: ResidentImages, validation: ResidentImages) -> Iterator[Stage]:
    """Yield the whole network as one stage; with `freeze`, the head on features, then with `unfreeze_at` the network.

    Raises: StudyError, with `freeze`, if the network does not end in a linear layer.
    """
    recipe = task.recipe
    if task.freeze:
        started = time.perf_counter()
        backbone = FrozenBackbone.of(network, task.model, training, task.data.num_classes)
        features, validation_features = backbone.features(training), backbone.features(validation)
        head_recipe = of_epochs(unaugmented(recipe), task.unfreeze_at or recipe.epochs)
        batches = TrainingBatches(features, head_recipe, task.seed)
        checkpoint = task.folder.head_checkpoint if task.unfreeze_at else task.folder.checkpoint
        yield Stage(backbone.trained, batches, validation_features, checkpoint, time.perf_counter() - started)
        if not task.unfreeze_at:
            return
        network.requires_grad_(True)
        recipe = of_epochs(recipe, recipe.epochs - task.unfreeze_at)
    yield Stage(network, TrainingBatches(training, recipe, task.seed), validation, task.folder.checkpoint)


def train_stages(task: Task, stages: Iterable[Stage], on_event: OnEvent) -> Training:
    """Train one stage after another, write the metrics of each epoch, and report events.

    Raises: DivergedError, with network, seed, epoch and step.
    """
    epochs: list[Epoch] = []
    notes: list[str] = []
    seconds = 0.0

    def epoch_ended(epoch: Epoch) -> None:
        epochs.append(replace(epoch, epoch=len(epochs) + 1))
        if task.ticket:  # this process may have been stopped meanwhile, and the run finished by another one
            task.ticket.check()
        task.folder.write_epochs(epochs)
        on_event(EpochEnded(index=task.index, epoch=epochs[-1]))

    def noted(text: str) -> None:
        notes.append(text)
        on_event(Noted(index=task.index, text=text))

    for stage in stages:
        seconds += stage.seconds
        on_step = _step_events(task.index, after_epochs(on_event, len(epochs)))
        try:
            train(
                stage.trained,
                stage.batches,
                stage.validation,
                checkpoint=stage.checkpoint,
                on_step=on_step,
                on_epoch=epoch_ended,
                on_note=noted,
            )
        except DivergedError as error:
            raise DivergedError(f"{task.title}: {error}") from error
    return Training(tuple(epochs), seconds + sum(epoch.seconds for epoch in epochs), tuple(notes))


def _step_events(index: int, on_event: OnEvent) -> Callable[[Progress], None]:
    def step_ended(progress: Progress) -> None:
        on_event(StepEnded(index=index, **asdict(progress)))

    return step_ended
