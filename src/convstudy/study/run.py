"""One run: one network, one seed, from its random initialisation to its answers on the test part."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from convstudy.data import DataSet, ImageSet, pixel_statistics, split_validation
from convstudy.errors import DivergedError
from convstudy.evaluation import ResidentImages, latency_ms, predict_together
from convstudy.processes import agreed, first, place
from convstudy.study.data_record import DataRecord
from convstudy.study.folder import RunFolder
from convstudy.study.model import open_model
from convstudy.study.preprocessing import Preprocessing
from convstudy.study.source_copy import keep_source
from convstudy.study.transfer import FrozenBackbone, of_epochs, unaugmented, weights_statistics
from convstudy.training import Epoch, Recipe, TrainingBatches, stream_seed, train
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


class Observer(Protocol):
    """Who is told how the runs go on: a display. Runs are told apart by their index, for they may go side by side."""

    def start(self, *, missing: int, total: int) -> None: ...
    def start_run(self, model: str, *, seed: int, index: int, epochs: int, steps_per_epoch: int) -> None: ...
    def step(self, index: int, *, epoch: int, step: int, loss: float, images_per_second: float) -> None: ...
    def end_epoch(self, index: int, epoch: Epoch) -> None: ...
    def end_run(self, index: int) -> None: ...


def training_parts(data: DataSet, seed: int) -> tuple[ImageSet, ImageSet]:
    """Training and validation part; without a validation part in the data, one is split off by seed."""
    if data.validation is not None:
        return data.train, data.validation
    return split_validation(data.train, seed=seed)


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

    Raises: DivergedError, with network, seed, epoch and step.
    """
    layout = torch.channels_last if task.recipe.channels_last else torch.contiguous_format
    model = open_model(task.model)
    parts = training_parts(task.data, task.seed)
    mean, std = weights_statistics(model, task.data.in_channels) or pixel_statistics(parts[0].images)

    def resident(part: ImageSet) -> ResidentImages:
        images = ResidentImages.of(part.images, part.labels, mean=mean, std=std, device=task.device)
        if images.elsewhere:  # another layout would be a copy in memory
            return images
        return replace(images, images=images.images.contiguous(memory_format=layout))

    first(lambda: keep_source(task.model, task.folder.path))
    torch.manual_seed(stream_seed(task.seed, "initialisation"))
    network = model.build(task.data.num_classes, task.input_shape[0])
    network = network.to(task.device).to(memory_format=layout)
    training, validation = map(resident, parts)
    epochs, seconds = _trained(task, observer, stages(task, network, training, validation), len(training))
    _test(task, network, epochs, resident(task.data.test), len(training), seconds)
    observer.end_run(task.index)


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


def _trained(task: Task, observer: Observer, parts: Iterator[Stage], images: int) -> tuple[list[Epoch], float]:
    """Train stage after stage; the epochs, numbered through, and the seconds that training took."""
    told: list[Epoch] = []
    seconds = 0.0
    steps = -(-images // task.recipe.batch_size)
    agreed(
        lambda: observer.start_run(
            task.model, seed=task.seed, index=task.index, epochs=task.recipe.epochs, steps_per_epoch=steps
        )
    )

    def end_epoch(epoch: Epoch) -> None:
        told.append(replace(epoch, epoch=len(told) + 1))
        first(lambda: task.folder.write_epochs(told))
        observer.end_epoch(task.index, told[-1])

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
            )
        except DivergedError as error:
            raise DivergedError(f"{task.model}, seed {task.seed}: {error}") from error
    return told, seconds + sum(epoch.seconds for epoch in told)


def _test(
    task: Task, network: nn.Module, epochs: list[Epoch], test: ResidentImages, train_images: int, seconds: float
) -> None:
    """Open the test part, once, and write what the run leaves."""
    share_buffers(network)
    logits = predict_together(network, test).numpy().astype(np.float32)
    first(lambda: _write(task, network, epochs, test, logits, {"train_images": train_images, "train_seconds": seconds}))


def _write(
    task: Task,
    network: nn.Module,
    epochs: list[Epoch],
    test: ResidentImages,
    logits: npt.NDArray[np.float32],
    trained: dict[str, float],
) -> None:
    channels, side, _ = task.input_shape
    record = {
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
        "top1": float((logits.argmax(1) == task.data.test.labels).mean()),
        **trained,
        "images_per_second": trained["train_images"] * len(epochs) / trained["train_seconds"],
        "latency_ms": latency_ms(network, task.input_shape, task.device),
        "threads": torch.get_num_threads(),
    }
    task.folder.write(network.cpu(), epochs, task.data.test.ids, task.data.test.labels, logits, record)
