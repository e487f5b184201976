"""Augmentations beyond crops and flips: torchvision's own, with one seed per image or batch.

The augmentation of an image depends on its seed only, not on the other images of the batch. A batch is therefore
augmented like its single images, and a resumed run sees the same images as an uninterrupted one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import torch
from torch import Tensor

from convstudy.errors import RecipeError

ERASED_AREA, ERASED_ASPECT = (0.02, 1 / 3), (0.3, 1 / 0.3)  # Zhong et al. 2020, section 4


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seed torch's global CPU generator for code that takes no generator, and restore it afterwards."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        yield


def varied(images: Tensor, policy: str, seeds: list[int]) -> Tensor:
    """Apply RandAugment (Cubuk et al. 2020) or TrivialAugment Wide (Müller & Hutter 2021): uint8, B x C x H x W.

    Raises: RecipeError, for images that are neither gray nor RGB.
    """
    if images.shape[1] not in {1, 3}:
        raise RecipeError(f"augment '{policy}' needs gray or RGB images; these have {images.shape[1]} channels")
    return _each(images, _policy(policy), seeds)


def erased(images: Tensor, seeds: list[int]) -> Tensor:
    """Set a random rectangle of each image to 0, the mean of normalized images (Zhong et al. 2020): B x C x H x W."""
    return _each(images, _erasing(), seeds)


def mixed(
    images: Tensor, labels: Tensor, num_classes: int, *, mixup: float, cutmix: float, seed: int
) -> tuple[Tensor, Tensor]:
    """Mix each image with the previous one: images B x C x H x W, and shares of the classes, B x classes.

    `mixup` and `cutmix` are the alphas of Zhang et al. 2018 and Yun et al. 2019; 0 disables either. If both are
    enabled, each batch uses one of them with equal probability.
    """
    with seeded(seed):
        both = mixup > 0 and cutmix > 0
        cut = float(torch.rand(())) < 0.5 if both else cutmix > 0
        images, labels = _mixing(cut, cutmix if cut else mixup, num_classes)(images, labels)
        return images, labels


def _each(images: Tensor, transform: Callable[[Tensor], Tensor], seeds: list[int]) -> Tensor:
    out = torch.empty_like(images)
    with seeded(0):
        for index, seed in enumerate(seeds):
            torch.default_generator.manual_seed(seed)
            out[index] = transform(images[index])
    return out


@cache
def _policy(name: str) -> Any:
    from torchvision.transforms import v2  # noqa: PLC0415 - slow to import

    return v2.RandAugment() if name == "randaugment" else v2.TrivialAugmentWide()


@cache
def _erasing() -> Any:
    from torchvision.transforms import v2  # noqa: PLC0415

    return v2.RandomErasing(p=1.0, scale=ERASED_AREA, ratio=ERASED_ASPECT, value=0)


@cache
def _mixing(cut: bool, alpha: float, num_classes: int) -> Any:
    from torchvision.transforms import v2  # noqa: PLC0415

    return (v2.CutMix if cut else v2.MixUp)(alpha=alpha, num_classes=num_classes)
