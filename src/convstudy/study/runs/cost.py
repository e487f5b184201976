"""Speed and memory of a trained network, measured after its training on the device that trained it."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import TypeVar

import torch
from safetensors.torch import load_model
from torch import nn

from convstudy.inference import ResidentImages, latency_of, peak_bytes, throughput_of
from convstudy.study.runs.digests import check_files
from convstudy.study.runs.frozen_backbone import FrozenBackbone, unaugmented
from convstudy.study.runs.inputs import new_network
from convstudy.study.runs.lr_trial import Trial
from convstudy.study.runs.measured_cost import MeasuredCost
from convstudy.study.runs.task import Task
from convstudy.study.runs.trained import Trained
from convstudy.training import TrainingBatches
from convstudy.training.state import TrainingState
from convstudy.training.step import take_step

Result = TypeVar("Result")

LONG_STEP = 5.0  # seconds; a step that takes longer is measured only
FEW_STEPS = 50  # in a run of more steps than this


def measured_cost(trained: Trained, train_images: int) -> MeasuredCost:
    """Measure a run's network; the network and the global random state are left unchanged.

    The memory of a training step is measured first, because what a network keeps from an inference pass may not be
    usable in a backward pass.
    """
    task, network = trained.task, trained.network
    steps = -(-train_images // task.recipe.batch_size)
    images = -(-train_images // (steps * task.processes))
    seconds = trained.seconds / (trained.all_epochs * steps)
    with torch.random.fork_rng(devices=[task.on] if task.on.type == "cuda" else []):
        affordable = seconds < LONG_STEP or trained.all_epochs * steps > FEW_STEPS
        step_bytes = _or_none(lambda: training_step_bytes(task, network, images)) if affordable else None
        latency = latency_of(network, task.input_shape, task.on)
        throughput = _or_none(lambda: throughput_of(network, task.input_shape, task.on))
    return MeasuredCost(
        latency_ms=latency.median_ms,
        latency_p95_ms=latency.p95_ms,
        latency_passes=latency.passes,
        inference_images_per_second=throughput.images_per_second if throughput else None,
        inference_batch_size=throughput.batch_size if throughput else None,
        training_step_bytes=step_bytes,
    )


def cost_of_finished(task: Task) -> MeasuredCost:
    """Measure the network of a finished run, built again with the weights of the run.

    Raises: ModelError or StudyError, if a file of the run is damaged; any error of the network's own code.
    """
    record = task.folder.record()
    weights = task.folder.path / "weights.safetensors"
    check_files(task.folder.path, record, [weights.name])
    network = new_network(task)
    load_model(network, str(weights), device=str(task.on))
    trained = Trained(
        task=task,
        network=network.eval(),
        lr=record["lr"],
        epochs=task.folder.epochs_so_far(),
        seconds=record["train_seconds"],
        trials=tuple(Trial(**trial) for trial in record["trials"]),
    )
    return measured_cost(trained, record["train_images"])


def _or_none(measure: Callable[[], Result]) -> Result | None:
    """Return a measurement, or None if it fails, as when out of memory: the run remains valid without it."""
    try:
        return measure()
    except Exception:
        return None


def training_step_bytes(task: Task, network: nn.Module, images: int) -> int | None:
    """Return the peak memory in bytes that torch allocates in a training step of `task` with this many images.

    Measured on a copy of `network`. It includes weights and buffers, gradients, the optimizer's state, the moving
    average of the weights if the recipe has one, the batch, the activations kept for the backward pass, and the
    working memory of operations. It does not include the data set. If only the head is trained, the backbone is
    included and the batch consists of features. None, if `peak_bytes` cannot measure it.
    """
    subject, batches = _in_training(task, network, images)
    inputs, labels = next(batches.epoch(1))

    def steps() -> None:
        copied = copy.deepcopy(subject)
        trained = copied.trained if isinstance(copied, FrozenBackbone) else copied
        state = TrainingState.of(trained.train(), batches.recipe)
        batch, batch_labels = inputs.clone(), labels.clone()
        few = 2 * state.parts  # images, for a first step that creates the optimizer's state
        take_step(state, batches, batch[:few], batch_labels[:few])
        take_step(state, batches, batch, batch_labels)

    return peak_bytes(steps, task.on)


def _in_training(task: Task, network: nn.Module, images: int) -> tuple[nn.Module | FrozenBackbone, TrainingBatches]:
    """Return what a run trains, and one batch of random pixels for it."""
    classes = task.data.num_classes
    pixels = torch.randint(
        256, (images, *task.input_shape), generator=torch.Generator().manual_seed(0), dtype=torch.uint8
    )
    layout = torch.channels_last if task.recipe.channels_last else torch.contiguous_format
    channels = task.input_shape[0]
    noise = ResidentImages(
        pixels.to(task.on).contiguous(memory_format=layout),
        (torch.arange(images) % classes).to(task.on),
        mean=(0.5,) * channels,
        std=(0.25,) * channels,
    )
    if not task.freeze or task.unfreeze_at:
        return network, TrainingBatches(noise, task.recipe, task.seed)
    backbone = FrozenBackbone.of(copy.deepcopy(network), task.model, noise, classes)
    return backbone, TrainingBatches(backbone.features(noise), unaugmented(task.recipe), task.seed)
