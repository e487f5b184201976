"""Splitting a part in two, so that each keeps every class in its proportion, and equal images stay together."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from convstudy.data.image_set import ImageSet
from convstudy.errors import DataError

VALIDATION_FRACTION = 0.1
TEST_FRACTION = 0.25
TEST_SEED = 0  # the test part is the same for every run, whatever its seed
TEST_NOTE = f"no test part: {TEST_FRACTION:.0%} split off, stratified, the same for every seed"


def split_validation(train: ImageSet, *, seed: int, fraction: float = VALIDATION_FRACTION) -> tuple[ImageSet, ImageSet]:
    """Split a validation part off the training part, stratified, by seed; each part has images of every class.

    Raises: DataError, when a class has a single image.
    """
    return _split(train, fraction, seed, "validation")


def check_enough(parts: Mapping[str, ImageSet | None], class_names: Sequence[str], where: str) -> None:
    """Raises: DataError, when a class has too few training images to give one to each part that will be split off."""
    missing = [part for part in ("validation", "test") if parts.get(part) is None]
    train = parts["train"]
    if train is None or not missing:
        return
    counts = np.bincount(train.labels, minlength=len(class_names))
    fewest = int(counts.argmin())
    if counts[fewest] <= len(missing):
        count = "one image" if counts[fewest] == 1 else f"{counts[fewest]} images"
        raise DataError(
            f"{where} has {count} of class '{class_names[fewest]}' to train with; expected {len(missing) + 1} or more, "
            f"because a {' and a '.join(missing)} part {'is' if len(missing) == 1 else 'are'} split off"
        )


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
    original = _originals(images)
    different = np.flatnonzero(original == np.arange(len(images)))
    count = max(round(fraction * len(different)), len(labels)) if len(different) < len(images) else count
    kept, split_off = train_test_split(different, test_size=count, stratify=images.labels[different], random_state=seed)
    split_off = np.union1d(split_off, _lacking(images.labels, kept, split_off))
    is_off = np.isin(original, split_off)
    return images.chosen(np.flatnonzero(~is_off)), images.chosen(np.flatnonzero(is_off))


def _originals(images: ImageSet) -> npt.NDArray[np.int64]:
    """Of each image the first that equals it, pixel by pixel: equal images must not be parted by a split.

    A class that has not two different images for the two parts is left as it is: all of its images count as different.
    """
    first: dict[bytes, int] = {}
    own = np.arange(len(images))
    original = np.array(
        [
            first.setdefault(hashlib.blake2b(np.ascontiguousarray(image).data).digest(), place)
            for place, image in enumerate(images.images)
        ],
        np.int64,
    )
    different, number = np.unique(images.labels[original == own], return_counts=True)
    rich = different[number >= 2]
    return np.where(np.isin(images.labels, rich) & np.isin(images.labels[original], rich), original, own)


def _lacking(
    labels: npt.NDArray[np.int64], kept: npt.NDArray[np.int64], split_off: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """One kept image of each class that the part split off has none of: stratification rounds small classes to none."""
    absent = np.setdiff1d(labels, labels[split_off])
    kept = np.sort(kept)
    return np.array([kept[labels[kept] == label][0] for label in absent], np.int64)
