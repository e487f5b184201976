"""Measurement of the time per epoch, on a few steps before any run."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from convstudy.data import ImageSet, pixel_statistics
from convstudy.inference import ResidentImages
from convstudy.study.comparisons.comparison import Comparison
from convstudy.study.models.entrant import Entrant
from convstudy.study.models.preprocessing import at_input
from convstudy.study.runs.parts import training_parts
from convstudy.study.runs.tuning import working_with
from convstudy.training import TrainingBatches, train

WARM_UP_STEPS = 2
ENOUGH_SECONDS = 1.0  # of timed steps


def epoch_seconds(comparison: Comparison, entrant: Entrant) -> float:
    """Return the seconds that one epoch of a network takes with the threads of a run, while no other run is active.

    A separate network is timed on a part of the training images, which is enlarged until the steps take a second or
    make up an epoch. The global random state and the number of threads are restored.
    """
    images = training_parts(comparison.data, comparison.seeds[0])[0]
    size = comparison.recipe.batch_size
    with torch.random.fork_rng(devices=[]), working_with(comparison.plan.threads):
        _seconds(comparison, entrant, _first(images, WARM_UP_STEPS * size))
        count = 4 * size
        while True:
            part = _first(images, count)
            seconds = _seconds(comparison, entrant, part)
            if seconds >= ENOUGH_SECONDS or len(part) == len(images):
                return seconds * len(images) / len(part)
            count *= 4


def _seconds(comparison: Comparison, entrant: Entrant, part: ImageSet) -> float:
    """Return the seconds of one epoch of a new network on some images, with a learning rate close to 0."""
    data = at_input(replace(comparison.data, train=part, validation=None, test=part), entrant.input_shape)
    mean, std = pixel_statistics(data.train.images)
    recipe = replace(comparison.recipe_of(entrant.name), epochs=1, warmup_epochs=0.0, lr=1e-9, patience=0)
    layout = torch.channels_last if recipe.channels_last else torch.contiguous_format
    resident = ResidentImages.of(
        data.train.images, part.labels, mean=mean, std=std, device=comparison.device, layout=layout
    )
    network = comparison.build(entrant).to(comparison.device).to(memory_format=layout)
    [epoch] = train(network, TrainingBatches(resident, recipe, 0), None)
    return epoch.seconds


def _first(images: ImageSet, count: int) -> ImageSet:
    return images.chosen(np.arange(min(count, len(images))))
