"""The stages of a run, each with its own training."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from torch import nn

from convstudy.errors import DivergedError
from convstudy.inference import ResidentImages
from convstudy.processes import first
from convstudy.study.runs.events import Observer
from convstudy.study.runs.frozen_backbone import FrozenBackbone, of_epochs, unaugmented
from convstudy.study.runs.task import Task
from convstudy.training import Epoch, TrainingBatches, train


@dataclass(frozen=True)
class Stage:
    """A part of a run: what is trained, on which images or features, and where its checkpoint is."""

    trained: nn.Module
    batches: TrainingBatches
    validation: ResidentImages
    checkpoint: Path
    seconds: float = 0.0  # that were needed before its first step


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
