"""Findings about loaded images: leaks between parts, duplicates, conflicting labels, missing and rare classes."""

from __future__ import annotations

from collections import Counter, defaultdict

from convstudy.data.findings import Finding, ImageFile, of_classes, of_equal_images
from convstudy.data.image_set import DataSet, ImageSet


def inspect_loaded(data: DataSet) -> tuple[Finding, ...]:
    """Return the findings of `inspect_folder` for the images as they were loaded, without near-duplicates.

    Images are equal if their pixels are, at the size at which they were loaded. A part that is still to be split off is
    not covered.

    >>> import numpy as np
    >>> part = ImageSet(np.zeros((2, 1, 2, 2), np.uint8), np.array([0, 1]), ("a.png", "b.png"))
    >>> data = DataSet("gray", "", ("cat", "dog"), part, None, part, horizontal_flip=False)
    >>> for finding in inspect_loaded(data):
    ...     print(finding.sentence)
    2 test images are also in the training set, pixel by pixel
    1 group of equal images with different classes
    """
    parts = {"train": data.train, "validation": data.validation, "test": data.test}
    there = {name: images for name, images in parts.items() if images is not None}
    counts: dict[str | None, Counter[str]] = {
        name: Counter(data.class_names[label] for label in images.labels.tolist()) for name, images in there.items()
    }
    return (*of_equal_images(_equal(data, there)), *of_classes(counts))


def _equal(data: DataSet, parts: dict[str, ImageSet]) -> list[tuple[ImageFile, ...]]:
    places = defaultdict(list)
    for name, images in parts.items():
        for place, digest in enumerate(images.digests):
            places[digest].append((name, place))

    def named(part: str, place: int) -> ImageFile:
        images = parts[part]
        return ImageFile(images.ids[place], part, data.class_names[images.labels[place]])

    return [tuple(named(*each) for each in group) for group in places.values() if len(group) > 1]
