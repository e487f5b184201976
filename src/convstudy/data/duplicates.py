"""Duplicate images: exact ones, by their decoded pixels, and near ones, by a perceptual hash."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from convstudy.data.decoding import strip_boxes

BANDS = 5  # a pair that differs in fewer bits than there are bands agrees in at least one of them
MOST_BITS = BANDS - 1  # of 64
MOST_GRAY = 4.0  # mean absolute difference of two thumbnails, of 255 levels
MOST_OF_CONTRAST = (
    0.1  # the same without their means, as a share of the standard deviation of the one with more contrast
)
THUMBNAIL = 16  # pixels per side
LARGEST_BUCKET = 500  # images that agree in a band; if there are more, the band is meaningless (plain backgrounds)
AT_ONCE = 8192  # pairs of thumbnails that are compared together
BITS_OF_OCTET = np.array([number.bit_count() for number in range(256)], np.uint8)
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

    Their hashes differ in at most 4 of 64 bits, and their thumbnails by at most 4 of 255 gray levels on average, and a
    tenth of their contrast. Images without features are ignored.
    """
    thumbnails = np.array([look.thumbnail.ravel() for look in looks], np.int16).reshape(-1, THUMBNAIL**2)
    hashes = np.array([look.gradients for look in looks], np.uint64)
    alike = {pair for bucket in _buckets(hashes, thumbnails) for pair in _alike(bucket, hashes, thumbnails)}
    return tuple(sorted((a, b) for a, b in alike if looks[a].digest != looks[b].digest))


def look_alike(first: npt.NDArray[np.integer[Any]], second: npt.NDArray[np.integer[Any]]) -> npt.NDArray[np.bool_]:
    """Return which pairs of thumbnails, pairs x pixels each, differ by little, also for their contrast.

    Any two dark images differ by few gray levels; a difference in brightness alone does not count against a pair.

    >>> look_alike(np.array([[9, 200], [9, 20]]), np.array([[12, 203], [12, 15]])).tolist()
    [True, False]
    """
    difference = first.astype(np.float32) - second
    contrast = np.maximum(first.std(1), second.std(1))
    apart = np.abs(difference - difference.mean(1, keepdims=True)).mean(1)
    return np.asarray((np.abs(difference).mean(1) <= MOST_GRAY) & (apart <= MOST_OF_CONTRAST * contrast))


def _alike(
    bucket: npt.NDArray[np.int64], hashes: npt.NDArray[np.uint64], thumbnails: npt.NDArray[np.int16]
) -> Iterator[tuple[int, int]]:
    """Yield the pairs of a bucket that look alike, whatever their digests."""
    of_bucket = hashes[bucket]
    bits = _set_bits(of_bucket[:, None] ^ of_bucket)
    first, second = (bucket[places] for places in np.nonzero(np.triu(bits <= MOST_BITS, 1)))
    for start in range(0, len(first), AT_ONCE):
        a, b = first[start : start + AT_ONCE], second[start : start + AT_ONCE]
        close = look_alike(thumbnails[a], thumbnails[b])
        yield from zip(a[close].tolist(), b[close].tolist(), strict=True)


def _set_bits(numbers: npt.NDArray[np.uint64]) -> npt.NDArray[np.int64]:
    """Count the bits that are set.

    >>> _set_bits(np.array([0, 7, 2**63], np.uint64)).tolist()
    [0, 3, 1]
    """
    octets = np.ascontiguousarray(numbers)[..., None].view(np.uint8)
    return np.asarray(BITS_OF_OCTET[octets].sum(-1, dtype=np.int64))


def _buckets(hashes: npt.NDArray[np.uint64], thumbnails: npt.NDArray[np.int16]) -> Iterator[npt.NDArray[np.int64]]:
    """Yield the images whose hashes agree in a band of bits, in ascending order, for every band."""
    if not len(hashes):
        return
    with_features = np.flatnonzero(thumbnails.min(1) != thumbnails.max(1))
    for low, high in SHIFTS:
        band = (hashes[with_features] >> np.uint64(low)) & np.uint64((1 << high - low) - 1)
        order = np.argsort(band, kind="stable")
        for bucket in np.split(with_features[order], np.flatnonzero(np.diff(band[order])) + 1):
            if 1 < len(bucket) <= LARGEST_BUCKET:
                yield bucket
