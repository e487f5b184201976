"""Splitting a part in two, so that each keeps every class in its proportion."""

from __future__ import annotations

import numpy as np

from convstudy.data.image_set import ImageSet
from convstudy.errors import DataError

VALIDATION_FRACTION = 0.1
TEST_FRACTION = 0.25
TEST_SEED = 0  # the test part is the same for every run, whatever its seed


def split_validation(train: ImageSet, *, seed: int, fraction: float = VALIDATION_FRACTION) -> tuple[ImageSet, ImageSet]:
    """Split a validation part off the training part, stratified, by seed.

    Raises: DataError, when a class has a single image.
    """
    return _split(train, fraction, seed, "validation")


def split_test(images: ImageSet, *, fraction: float = TEST_FRACTION) -> tuple[ImageSet, ImageSet]:
    """Split a test part off, stratified, always the same. Raises: as `split_validation`."""
    return _split(images, fraction, TEST_SEED, "test")


def _split(images: ImageSet, fraction: float, seed: int, part: str) -> tuple[ImageSet, ImageSet]:
    from sklearn.model_selection import train_test_split

    labels, counts = np.unique(images.labels, return_counts=True)
    if counts.min() < 2:
        raise DataError(
            f"class {labels[counts.argmin()]} has one image, so no {part} part can be split off; "
            "give it two images or more, or bring a part of your own"
        )
    count = max(round(fraction * len(images)), len(labels))
    if count > len(images) - len(labels):
        raise DataError(
            f"{len(images)} images of {len(labels)} classes are too few to split a {part} part off; expected at least "
            f"{2 * len(labels)}"
        )
    kept, split_off = train_test_split(
        np.arange(len(images)), test_size=count, stratify=images.labels, random_state=seed
    )
    return images.chosen(np.sort(kept)), images.chosen(np.sort(split_off))
