"""Duplicate images: exact ones, by their decoded pixels, and near ones, by a perceptual hash."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt
from PIL import Image

from convstudy.data.decoding import strip_boxes

BANDS = 5  # a pair that differs in fewer bits than there are bands agrees in at least one of them
MOST_BITS = BANDS - 1  # of 64
MOST_GRAY = 4.0  # mean absolute difference of two thumbnails, of 255 levels
THUMBNAIL = 16  # pixels per side
LARGEST_BUCKET = 500  # images that agree in a band; if there are more, the band is meaningless (plain backgrounds)
SHIFTS = tuple((band * 64 // BANDS, (band + 1) * 64 // BANDS) for band in range(BANDS))

Thumbnail = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Look:
    """The features by which images are compared: a digest of the pixels, a hash of the gradients, a small gray copy."""

    digest: str
    gradients: int  # 64 bits: dHash
    thumbnail: Thumbnail  # 16 x 16
    constant: bool = False  # whether all pixels have the same value

    @classmethod
    def of(cls, image: Image.Image) -> Look:
        """Extract the features of an image of mode L or RGB, strip by strip where it is large.

        The hash has one bit for each of 8 x 8 neighbors along the rows of a 9 x 8 copy: whether it gets brighter.
        Source: Krawetz 2013, "Kind of Like That" (dHash).

        >>> gray = Image.linear_gradient("L").rotate(90)
        >>> Look.of(gray).digest == Look.of(gray.copy()).digest, Look.of(gray).gradients == 2**64 - 1
        (True, True)
        """
        gray = image if image.mode == "L" else image.convert("L")
        small = np.asarray(gray.resize((9, 8), Image.Resampling.BOX), np.int16)
        bits = np.packbits(small[:, 1:] > small[:, :-1])
        pixels = hashlib.sha256(f"{image.mode} {image.width}x{image.height} ".encode())
        for box in strip_boxes(image):
            pixels.update(image.crop(box).tobytes())
        return cls(
            pixels.hexdigest(),
            int.from_bytes(bits.tobytes(), "big"),
            np.asarray(gray.resize((THUMBNAIL, THUMBNAIL), Image.Resampling.BOX)),
            all(low == high for low, high in np.reshape(image.getextrema(), (-1, 2)).tolist()),
        )

    @property
    def featureless(self) -> bool:
        """Whether nothing is left of it when it is made small: a constant image, or fine stripes."""
        return bool(self.thumbnail.min() == self.thumbnail.max())


def exact_duplicates(looks: Sequence[Look]) -> tuple[tuple[int, ...], ...]:
    """Return the indices of images with the same pixels, group by group.

    >>> one, other = (Look.of(Image.new("L", (8, 8), level)) for level in (0, 9))
    >>> exact_duplicates([one, other, one])
    ((0, 2),)
    """
    groups = defaultdict(list)
    for place, look in enumerate(looks):
        groups[look.digest].append(place)
    return tuple(tuple(places) for places in groups.values() if len(places) > 1)


def near_duplicates(looks: Sequence[Look]) -> tuple[tuple[int, int], ...]:
    """Return the pairs that look alike without being the same: other compression, size or slightly other brightness.

    Their hashes differ in at most 4 of 64 bits, and their thumbnails by at most 4 of 255 gray levels on average. Images
    without features are ignored.
    """
    return tuple(
        (a, b)
        for a, b in sorted(_candidates(looks))
        if looks[a].digest != looks[b].digest
        and (looks[a].gradients ^ looks[b].gradients).bit_count() <= MOST_BITS
        and np.abs(looks[a].thumbnail.astype(np.int16) - looks[b].thumbnail).mean() <= MOST_GRAY
    )


def _candidates(looks: Sequence[Look]) -> set[tuple[int, int]]:
    """Return the pairs whose hashes agree in at least one band of bits."""
    return {pair for bucket in _buckets(looks) for pair in combinations(bucket, 2)}


def _buckets(looks: Sequence[Look]) -> Iterable[list[int]]:
    for low, high in SHIFTS:
        buckets = defaultdict(list)
        for place, look in enumerate(looks):
            if not look.featureless:
                buckets[look.gradients >> low & ((1 << high - low) - 1)].append(place)
        yield from _small(buckets.values())


def _small(buckets: Iterable[list[int]]) -> Iterator[list[int]]:
    return (bucket for bucket in buckets if 1 < len(bucket) <= LARGEST_BUCKET)
