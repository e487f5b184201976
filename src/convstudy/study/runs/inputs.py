"""Inputs of a run: its images on the device that trains, and its network before the first step."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from convstudy.data import ImageSet, pixel_statistics
from convstudy.inference import ResidentImages
from convstudy.study.models.weights_origin import network_for, weights_statistics
from convstudy.study.runs.output_check import check_first_output
from convstudy.study.runs.parts import training_parts
from convstudy.study.runs.seen_images import SeenImages
from convstudy.study.runs.task import Task
from convstudy.training import stream_seed


@dataclass(frozen=True)
class RunInputs:
    """The normalization of a run's images, and how its image sets and its network are created."""

    task: Task
    mean: tuple[float, ...]  # per channel: that of the pretrained weights, or of the training set
    std: tuple[float, ...]
    seen: SeenImages  # the fingerprints of the training and validation images

    @classmethod
    def of(cls, task: Task) -> tuple[RunInputs, ResidentImages, ResidentImages]:
        """Return the inputs with the training and the validation images, split by the task's seed."""
        training, validation = training_parts(task.data, task.seed)
        mean, std = weights_statistics(task.opened, task.data.in_channels) or pixel_statistics(training.images)
        inputs = cls(task, mean, std, SeenImages.of(training, validation))
        return inputs, inputs.resident(training), inputs.resident(validation)

    @property
    def layout(self) -> torch.memory_format:
        """Memory format of images and network."""
        return layout_of(self.task)

    def resident(self, part: ImageSet) -> ResidentImages:
        """Return a set of images on the device that trains."""
        return ResidentImages.of(
            part.images, part.labels, mean=self.mean, std=self.std, device=self.task.on, layout=self.layout
        )

    def network(self) -> nn.Module:
        """Return a new network, initialized from the task's seed."""
        torch.manual_seed(stream_seed(self.task.seed, "initialisation"))
        network = new_network(self.task)
        if not self.task.recipe.compile:  # a compiler would have to follow the check
            check_first_output(network, self.task.model, self.task.data.num_classes)
        return network


def new_network(task: Task) -> nn.Module:
    """Return a new network of a run on its device, initialized from torch's global random state."""
    network = network_for(task.opened, task.data.class_names, task.input_shape[0])
    return network.to(task.on).to(memory_format=layout_of(task))


def layout_of(task: Task) -> torch.memory_format:
    """Return the memory format of a run's images and network."""
    return torch.channels_last if task.recipe.channels_last else torch.contiguous_format
