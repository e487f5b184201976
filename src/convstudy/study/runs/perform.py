"""One run: one network, one seed, from its random initialisation to its answers on the test part."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from convstudy.inference import ResidentImages, predict_together
from convstudy.processes import agreed, first, place
from convstudy.study.models.opening import open_model
from convstudy.study.models.preprocessing import Preprocessing
from convstudy.study.runs.code_version import code_version
from convstudy.study.runs.cost import measured_cost
from convstudy.study.runs.events import Observer
from convstudy.study.runs.inputs import Material
from convstudy.study.runs.lr_search import (
    _of_grid,
)
from convstudy.study.runs.source_copy import keep_source
from convstudy.study.runs.stages import _trained, stages
from convstudy.study.runs.status import noted_failure, noted_process
from convstudy.study.runs.task import Task
from convstudy.study.runs.trained import Trained
from convstudy.study.runs.writing import writing_into
from convstudy.training.parallel import batch_normalization_sees, share_buffers


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


def _start(task: Task, observer: Observer, images: int) -> None:
    epochs = task.recipe.epochs * max(len(task.lr_grid), 1)
    steps = -(-images // task.recipe.batch_size)
    agreed(
        lambda: observer.start_run(task.model, seed=task.seed, index=task.index, epochs=epochs, steps_per_epoch=steps)
    )


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
        "preprocessing": Preprocessing(
            channels, task.origin.image_side, side, test.mean, test.std, task.data.white
        ).to_json(),
        "data": asdict(task.origin),
        "recipe": asdict(task.recipe),
        "freeze": task.freeze,
        "unfreeze_at": task.unfreeze_at,
        "processes": place().world,
        "batch_normalisation": batch_normalization_sees(network, task.device),
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
