"""What a trained network costs in time and in memory, measured at the end of its run, where it was trained."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import TypeVar

import torch
from torch import nn

from convstudy.inference import ResidentImages, latency_of, peak_bytes, throughput_of
from convstudy.processes import place
from convstudy.study.runs.frozen_backbone import FrozenBackbone, unaugmented
from convstudy.study.runs.task import Task
from convstudy.study.runs.trained import Trained
from convstudy.training import TrainingBatches
from convstudy.training.state import TrainingState
from convstudy.training.step import take_step

Result = TypeVar("Result")

LONG_STEP = 5.0  # seconds: a step that takes more is measured where it is
FEW_STEPS = 50  # one among more than these


@dataclass(frozen=True)
class MeasuredCost:
    """What `run.json` says of a network's speed and memory; None, where that could not be measured."""

    latency_ms: float  # of one image's forward pass, median
    latency_p95_ms: float | None  # its 95th percentile
    latency_passes: int  # that both are of
    inference_images_per_second: float | None  # in batches of the best size
    inference_batch_size: int | None  # which that is
    training_step_bytes: int | None  # see `training_step_bytes`

    def to_dict(self) -> dict[str, float | int | None]:
        return asdict(self)


def measured_cost(trained: Trained, train_images: int) -> MeasuredCost:
    """Measure a run's network, which is left as it is, as is the global random state.

    The memory of a step comes first, for what a network keeps from a forward pass may not do for a backward one.
    """
    task, network = trained.task, trained.network
    steps = -(-train_images // task.recipe.batch_size)
    images = -(-train_images // (steps * place().world))
    seconds = trained.seconds / (trained.all_epochs * steps)
    with torch.random.fork_rng(devices=[task.on] if task.on.type == "cuda" else []):
        bearable = seconds < LONG_STEP or trained.all_epochs * steps > FEW_STEPS
        num_bytes = _unless_refused(lambda: training_step_bytes(task, network, images)) if bearable else None
        one = latency_of(network, task.input_shape, task.on)
        many = _unless_refused(lambda: throughput_of(network, task.input_shape, task.on))
    return MeasuredCost(
        one.median_ms,
        one.p95_ms,
        one.passes,
        many.images_per_second if many else None,
        many.batch_size if many else None,
        num_bytes,
    )


def _unless_refused(measure: Callable[[], Result]) -> Result | None:
    """A measurement, or nothing where memory is full or the network's own code takes no such batch: the run stands."""
    try:
        return measure()
    except Exception:
        return None


def training_step_bytes(task: Task, network: nn.Module, images: int) -> int | None:
    """The most bytes that torch holds at once when a batch of so many images trains a network as `task` has it.

    Measured on a copy of `network` that takes such a step: its weights and buffers, their gradients, the optimiser's
    state, the moving average of the weights where the recipe has one, the batch, what the forward pass keeps for the
    backward pass, and what operations need while they run. The data set is not in it. Where the head alone is trained,
    the backbone is held, too, and the batch is of features. None, where `peak_bytes` cannot tell.
    """
    subject, batches = _in_training(task, network, images)
    inputs, labels = next(batches.epoch(1))

    def steps() -> None:
        held = copy.deepcopy(subject)
        trained = held.trained if isinstance(held, FrozenBackbone) else held
        state = TrainingState.of(trained.train(), batches.recipe)
        batch, of_batch = inputs.clone(), labels.clone()
        few = 2 * state.parts  # images, for a first step that leaves the optimiser its state
        take_step(state, batches, batch[:few], of_batch[:few])
        take_step(state, batches, batch, of_batch)

    return peak_bytes(steps, task.on)


def _in_training(task: Task, network: nn.Module, images: int) -> tuple[nn.Module | FrozenBackbone, TrainingBatches]:
    """What is trained, and one batch of noise for it."""
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
