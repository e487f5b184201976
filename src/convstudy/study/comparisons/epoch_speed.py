"""How long one epoch takes, measured on a few steps before any run."""

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
from convstudy.training import TrainingBatches, train

WARM_UP_STEPS = 2
ENOUGH_SECONDS = 1.0  # of timed steps


def epoch_seconds(comparison: Comparison, entrant: Entrant) -> float:
    """Seconds that one epoch of a network takes here, with the threads of a run and nothing beside it.

    Timed on a network of its own and a part of the training images, which grows until the steps take a second or are
    an epoch. The global random state and the number of threads stay as they were.
    """
    images = training_parts(comparison.data, comparison.seeds[0])[0]
    size = comparison.recipe.batch_size
    before = torch.get_num_threads()
    with torch.random.fork_rng(devices=[]):
        try:
            torch.set_num_threads(comparison.plan.threads)
            _seconds(comparison, entrant, _first(images, WARM_UP_STEPS * size))
            count = 4 * size
            while True:
                part = _first(images, count)
                seconds = _seconds(comparison, entrant, part)
                if seconds >= ENOUGH_SECONDS or len(part) == len(images):
                    return seconds * len(images) / len(part)
                count *= 4
        finally:
            torch.set_num_threads(before)


def _seconds(comparison: Comparison, entrant: Entrant, part: ImageSet) -> float:
    """Of one epoch of a new network on a part of the images, as a run trains it; its weights hardly move."""
    data = at_input(replace(comparison.data, train=part, validation=None, test=part), entrant.input_shape)
    mean, std = pixel_statistics(data.train.images)
    resident = ResidentImages.of(data.train.images, part.labels, mean=mean, std=std, device=comparison.device)
    recipe = replace(comparison.recipe, epochs=1, warmup_epochs=0.0, lr=1e-9, patience=0)
    layout = torch.channels_last if recipe.channels_last else torch.contiguous_format
    network = comparison.build(entrant).to(comparison.device).to(memory_format=layout)
    [epoch] = train(network, TrainingBatches(resident, recipe, 0), None)
    return epoch.seconds


def _first(images: ImageSet, count: int) -> ImageSet:
    return images.chosen(np.arange(min(count, len(images))))
