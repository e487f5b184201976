"""Training batches, cut and augmented as whole tensors from images that stay in memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import torch
import torch.nn.functional as F
from torch import Tensor

from convstudy.evaluation import ResidentImages
from convstudy.training.balance import balanced_order, balanced_weights
from convstudy.training.recipe import Recipe
from convstudy.training.seeds import generator


@dataclass(frozen=True)
class TrainingBatches:
    """Every image once an epoch, in an order and with an augmentation that only the seed and the epoch decide.

    Where the recipe balances classes by sampling, images are drawn with replacement instead.
    """

    resident: ResidentImages
    recipe: Recipe
    seed: int

    @property
    def steps_per_epoch(self) -> int:
        return -(-len(self.resident) // self.recipe.batch_size)

    @cached_property
    def padding(self) -> int:
        """Pixels added on each side before a crop."""
        return round(self.recipe.crop_padding * self.resident.images.shape[-1])

    @cached_property
    def windows(self) -> Tensor:
        """All crops of all images as one view, N x C x offsets x offsets x H x W: nothing is copied but the padding."""
        images = self.resident.images
        padded = F.pad(images, (self.padding,) * 4)
        return padded.unfold(2, images.shape[2], 1).unfold(3, images.shape[3], 1)

    def epoch(self, epoch: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Batches of one epoch: normalised images B x C x H x W and labels B.

        The order is cut into parts that differ by one image at most: none is too small for batch normalisation.
        """
        count = len(self.resident)
        order = self.order(epoch)
        offsets = torch.randint(2 * self.padding + 1, (2, count), generator=generator(self.seed, "crop", epoch))
        mirrored = torch.rand(count, generator=generator(self.seed, "flip", epoch)) < 0.5
        device = self.resident.images.device
        for chosen in order.to(device).tensor_split(self.steps_per_epoch):
            at = chosen.to(offsets.device)
            images = self.crop(chosen, offsets[0, at].to(device), offsets[1, at].to(device))
            if self.recipe.horizontal_flip:
                images = mirror(images, mirrored[at].to(device))
            yield self.resident.normalised(images), self.resident.labels[chosen]

    def order(self, epoch: int) -> Tensor:
        """Indices of the images in an epoch's order: each once, or drawn with replacement to balance the classes."""
        stream = generator(self.seed, "order", epoch)
        if self.recipe.balance == "sampling":
            return balanced_order(self.resident.labels.cpu(), stream)
        return torch.randperm(len(self.resident), generator=stream)

    @cached_property
    def class_weights(self) -> Tensor | None:
        """Weights of the classes in the loss, where the recipe balances it: float32, classes."""
        return balanced_weights(self.resident.labels) if self.recipe.balance == "loss" else None

    def crop(self, chosen: Tensor, top: Tensor, left: Tensor) -> Tensor:
        """Cut image `chosen[i]` at row `top[i]` and column `left[i]` of its padded self: uint8, B x C x H x W."""
        if not self.padding:
            return self.resident.images[chosen]
        return self.windows[chosen, :, top, left]


def mirror(images: Tensor, mirrored: Tensor) -> Tensor:
    """Mirror, left to right, the images for which `mirrored` (B booleans) is true.

    >>> mirror(torch.tensor([[[[1, 2]]], [[[1, 2]]]]), torch.tensor([True, False])).flatten().tolist()
    [2, 1, 1, 2]
    """
    images[mirrored] = images[mirrored].flip(-1)
    return images
