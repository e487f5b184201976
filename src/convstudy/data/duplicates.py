"""Images that are there twice: exactly, by their decoded pixels, and nearly, by a perceptual hash."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt
from PIL import Image

BANDS = 5  # a pair that differs in fewer bits than there are bands agrees in one of them
MOST_BITS = BANDS - 1  # of 64
MOST_GREY = 4.0  # mean absolute difference of two thumbnails, of 255 levels
THUMBNAIL = 16  # pixels a side
LARGEST_BUCKET = 500  # images that agree in a band; where more do, it says nothing (plain backgrounds)
SHIFTS = tuple((band * 64 // BANDS, (band + 1) * 64 // BANDS) for band in range(BANDS))

Thumbnail = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Look:
    """What an image is told apart by: the digest of its pixels, a hash of its gradients, a small grey copy."""

    digest: str
    gradients: int  # 64 bits: dHash
    thumbnail: Thumbnail  # 16 x 16

    @classmethod
    def of(cls, image: Image.Image) -> Look:
        """Look at an image of mode L or RGB.

        The hash has a bit for each of 8 x 8 neighbours along the rows of a 9 x 8 copy: whether it gets brighter.
        Source: Krawetz 2013, "Kind of Like That" (dHash).

        >>> grey = Image.linear_gradient("L").rotate(90)
        >>> Look.of(grey).digest == Look.of(grey.copy()).digest, Look.of(grey).gradients == 2**64 - 1
        (True, True)
        """
        grey = image.convert("L")
        small = np.asarray(grey.resize((9, 8), Image.Resampling.BOX), np.int16)
        bits = np.packbits(small[:, 1:] > small[:, :-1])
        header = f"{image.mode} {image.width}x{image.height} ".encode()
        return cls(
            hashlib.sha256(header + image.tobytes()).hexdigest(),
            int.from_bytes(bits.tobytes(), "big"),
            np.asarray(grey.resize((THUMBNAIL, THUMBNAIL), Image.Resampling.BOX)),
        )

    @property
    def constant(self) -> bool:
        """Whether all of it has one grey level."""
        return bool(self.thumbnail.min() == self.thumbnail.max())


def exact_duplicates(looks: Sequence[Look]) -> tuple[tuple[int, ...], ...]:
    """The places of images with the same pixels, group by group.

    >>> one, other = (Look.of(Image.new("L", (8, 8), level)) for level in (0, 9))
    >>> exact_duplicates([one, other, one])
    ((0, 2),)
    """
    groups = defaultdict(list)
    for place, look in enumerate(looks):
        groups[look.digest].append(place)
    return tuple(tuple(places) for places in groups.values() if len(places) > 1)


def near_duplicates(looks: Sequence[Look]) -> tuple[tuple[int, int], ...]:
    """The pairs that look alike without being the same: another compression, size or a slight change of brightness.

    Their hashes differ in four bits of 64 at most, and their thumbnails by four grey levels of 255 in the mean. Images
    of one grey level are left out.
    """
    return tuple(
        (a, b)
        for a, b in sorted(_candidates(looks))
        if looks[a].digest != looks[b].digest
        and (looks[a].gradients ^ looks[b].gradients).bit_count() <= MOST_BITS
        and np.abs(looks[a].thumbnail.astype(np.int16) - looks[b].thumbnail).mean() <= MOST_GREY
    )


def _candidates(looks: Sequence[Look]) -> set[tuple[int, int]]:
    """Pairs whose hashes agree in one band of bits at least."""
    return {pair for bucket in _buckets(looks) for pair in combinations(bucket, 2)}


def _buckets(looks: Sequence[Look]) -> Iterable[list[int]]:
    for low, high in SHIFTS:
        buckets = defaultdict(list)
        for place, look in enumerate(looks):
            if not look.constant:
                buckets[look.gradients >> low & ((1 << high - low) - 1)].append(place)
        yield from _small(buckets.values())


def _small(buckets: Iterable[list[int]]) -> Iterator[list[int]]:
    return (bucket for bucket in buckets if 1 < len(bucket) <= LARGEST_BUCKET)
