"""Training batches, cropped and augmented as whole tensors from images in memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import repeat

import torch
from torch import Tensor

from convstudy.inference import ResidentImages
from convstudy.training.augmentation import erased, mixed, varied
from convstudy.training.balance import balanced_order, balanced_weights
from convstudy.training.cropping import crop, mirror
from convstudy.training.recipe import Recipe
from convstudy.training.seeds import generator, stream_seed


@dataclass(frozen=True)
class TrainingBatches:
    """Every image once per epoch, in an order and with an augmentation that depend on the seed and the epoch only.

    If the recipe balances classes by sampling, images are drawn with replacement instead.
    """

    resident: ResidentImages
    recipe: Recipe
    seed: int

    @property
    def steps_per_epoch(self) -> int:
        return -(-len(self.resident) // self.recipe.batch_size)

    @property
    def padding(self) -> int:
        """Pixels added on each side before cropping."""
        return round(self.recipe.crop_padding * self.resident.images.shape[-1])

    def epoch(
        self, epoch: int, *, after_step: int = 0, rank: int = 0, world: int = 1
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield the batches of one epoch: normalized images B x C x H x W and labels B, or class shares B x classes.

        The order is cut into batches whose sizes differ by at most one image, so that none is too small for batch
        normalization. The first `after_step` steps are skipped. Process `rank` of `world` gets its part of each batch.
        """
        drawn = _Drawn.of(self, epoch)
        device = self.resident.labels.device
        batches = drawn.order.tensor_split(self.steps_per_epoch)
        places = [whole if self.mixes else whole.tensor_split(world)[rank] for whole in batches[after_step:]]
        fetched = self.resident.rows(places) if self.resident.elsewhere else repeat(None)
        for step, (at, rows) in enumerate(zip(places, fetched, strict=False), start=after_step + 1):
            images, labels = self._augmented(at, drawn, rows), self.resident.labels[at.to(device)]
            if self.mixes:
                images, labels = self._mixed(images, labels, epoch, step)
                images, labels = images.tensor_split(world)[rank], labels.tensor_split(world)[rank]
            yield images, labels

    @property
    def mixes(self) -> bool:
        """Whether images are mixed with others of their batch."""
        return self.recipe.mixup > 0 or self.recipe.cutmix > 0

    def _augmented(self, at: Tensor, drawn: _Drawn, rows: Tensor | None) -> Tensor:
        """Return the images at the indices `at` with their drawn augmentation, normalized.

        `rows` are these images, if they have been fetched already.
        """
        recipe, device = self.recipe, self.resident.images.device
        images = self.resident.at(at.to(device)) if rows is None else rows
        if self.padding:
            top, left = drawn.offsets[:, at].to(device)
            images = crop(images, top, left, self.padding)
        if recipe.horizontal_flip:
            images = mirror(images, drawn.mirrored[at])
        if recipe.augment != "none":
            images = varied(images, recipe.augment, drawn.seeds[at].tolist())
        images = self.resident.normalized(images)
        if recipe.erasing:
            chosen = drawn.erased[at].to(images.device)
            images[chosen] = erased(images[chosen], drawn.seeds[at[drawn.erased[at]]].tolist())
        return images

    def _mixed(self, images: Tensor, labels: Tensor, epoch: int, step: int) -> tuple[Tensor, Tensor]:
        seed = stream_seed(self.seed, "mix", epoch, step)
        return mixed(images, labels, self.num_classes, mixup=self.recipe.mixup, cutmix=self.recipe.cutmix, seed=seed)

    @cached_property
    def num_classes(self) -> int:
        """The number of classes up to the last one that has an image."""
        return int(self.resident.labels.max()) + 1

    def order(self, epoch: int) -> Tensor:
        """Return the order of the images in an epoch.

        Each index occurs once, or indices are drawn with replacement to balance the classes.
        """
        stream = generator(self.seed, "order", epoch)
        if self.recipe.balance == "sampling":
            return balanced_order(self.resident.labels.cpu(), stream)
        return torch.randperm(len(self.resident), generator=stream)

    def mirrored(self, epoch: int) -> Tensor:
        """Return which images are flipped horizontally in an epoch: N booleans.

        With alternating flips the draw of the first epoch is inverted in every second epoch, so that two epochs show
        each image both ways.

        Source: Jordan 2024 (94% on CIFAR-10 in 3.29 seconds on a single GPU), alternating flip.
        """
        alternating = self.recipe.alternating_flip
        stream = generator(self.seed, "flip", 1 if alternating else epoch)
        drawn = torch.rand(len(self.resident), generator=stream) < 0.5
        return ~drawn if alternating and epoch % 2 == 0 else drawn

    @cached_property
    def class_weights(self) -> Tensor | None:
        """Weights of the classes in the loss, if the recipe balances the loss: float32, classes."""
        return balanced_weights(self.resident.labels) if self.recipe.balance == "loss" else None


@dataclass(frozen=True)
class _Drawn:
    """The random draws of one epoch: the order of the images, and per image (by index) its augmentation."""

    order: Tensor
    offsets: Tensor  # top and left of each crop: 2 x N
    mirrored: Tensor
    erased: Tensor
    seeds: Tensor  # for torchvision's augmentations

    @classmethod
    def of(cls, batches: TrainingBatches, epoch: int) -> _Drawn:
        count, recipe = len(batches.resident), batches.recipe

        def stream(purpose: str) -> torch.Generator:
            return generator(batches.seed, purpose, epoch)

        return cls(
            batches.order(epoch),
            torch.randint(2 * batches.padding + 1, (2, count), generator=stream("crop")),
            batches.mirrored(epoch),
            torch.rand(count, generator=stream("erase")) < recipe.erasing,
            torch.randint(2**62, (count,), generator=stream("augment")),
        )
