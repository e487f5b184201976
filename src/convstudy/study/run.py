"""One run: one network, one seed, from its random initialisation to its answers on the test part."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, replace
from typing import Protocol

import numpy as np
import torch
from torch import nn

from convstudy.data import DataSet, ImageSet, pixel_statistics, split_validation
from convstudy.errors import DivergedError
from convstudy.evaluation import ResidentImages, latency_ms, predict
from convstudy.study.data_record import DataRecord
from convstudy.study.folder import RunFolder
from convstudy.study.model import open_model
from convstudy.study.preprocessing import Preprocessing
from convstudy.study.source_copy import keep_source
from convstudy.study.transfer import FrozenBackbone, weights_statistics
from convstudy.training import Epoch, Recipe, TrainingBatches, stream_seed, train


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


def perform(task: Task, observer: Observer) -> None:
    """Train from the checkpoint or from the start, then open the test part once, and write the run's folder.

    The weights tested are those of the last epoch: nothing is selected.

    Raises: DivergedError, with network, seed, epoch and step.
    """
    layout = torch.channels_last if task.recipe.channels_last else torch.contiguous_format
    model = open_model(task.model)
    train_part, validation_part = training_parts(task.data, task.seed)
    mean, std = weights_statistics(model, task.data.in_channels) or pixel_statistics(train_part.images)

    def resident(part: ImageSet) -> ResidentImages:
        images = ResidentImages.of(part.images, part.labels, mean=mean, std=std, device=task.device)
        return replace(images, images=images.images.contiguous(memory_format=layout))

    torch.manual_seed(stream_seed(task.seed, "initialisation"))
    keep_source(task.model, task.folder.path)
    network = model.build(task.data.num_classes, task.input_shape[0])
    network = trained = network.to(task.device).to(memory_format=layout)
    training, validation = resident(train_part), resident(validation_part)
    started = time.perf_counter()
    if task.freeze:
        backbone = FrozenBackbone.of(network, task.model, training, task.data.num_classes)
        trained = backbone.trained
        training, validation = backbone.features(training), backbone.features(validation)
    feature_seconds = time.perf_counter() - started
    batches = TrainingBatches(training, task.recipe, task.seed)
    observer.start_run(
        task.model,
        seed=task.seed,
        index=task.index,
        epochs=task.recipe.epochs,
        steps_per_epoch=batches.steps_per_epoch,
    )
    told: list[Epoch] = []

    def end_epoch(epoch: Epoch) -> None:
        told.append(epoch)
        task.folder.write_epochs(told)
        observer.end_epoch(task.index, epoch)

    try:
        epochs = train(
            trained,
            batches,
            validation,
            checkpoint=task.folder.checkpoint,
            on_step=lambda progress: observer.step(task.index, **asdict(progress)),
            on_epoch=end_epoch,
        )
    except DivergedError as error:
        raise DivergedError(f"{task.model}, seed {task.seed}: {error}") from error
    seconds = feature_seconds + sum(epoch.seconds for epoch in epochs)
    _test(task, network, epochs, resident(task.data.test), len(train_part.labels), seconds)
    observer.end_run(task.index)


def _test(
    task: Task, network: nn.Module, epochs: list[Epoch], test: ResidentImages, train_images: int, seconds: float
) -> None:
    """Open the test part, once, and write what the run leaves."""
    logits = predict(network, test).numpy().astype(np.float32)
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
        "train_images": train_images,
        "top1": float((logits.argmax(1) == task.data.test.labels).mean()),
        "train_seconds": seconds,
        "images_per_second": train_images * len(epochs) / seconds,
        "latency_ms": latency_ms(network, task.input_shape, task.device),
        "threads": torch.get_num_threads(),
    }
    task.folder.write(network.cpu(), epochs, task.data.test.ids, task.data.test.labels, logits, record)
