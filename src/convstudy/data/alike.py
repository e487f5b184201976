"""Loaded images that are near-duplicates, as `duplicates` describes them: which of them stay together in a split."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from convstudy.data.duplicates import LARGEST_BUCKET, MOST_BITS, SHIFTS, THUMBNAIL, look_alike
from convstudy.data.streamed import Streamed

LEAST_SIDE = 32  # of images: smaller ones, such as digits, resemble each other without being copies
LARGEST_CHAIN = 50  # near-duplicates in a row; more are images of a kind that resemble each other, such as scans
AT_ONCE = 256  # images whose float32 copies stay in the cache
GRAY = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601, as Pillow converts

Pixels = npt.NDArray[np.uint8]
Numbers = npt.NDArray[np.int64]


def kin_of(images: Pixels) -> Numbers | None:
    """Return for each of N x C x H x W images the first one of its near-duplicates, and of theirs; None if all differ.

    None for images below 32 x 32, and for images that are decoded anew whenever they are needed.
    """
    if isinstance(images, Streamed) or images.shape[-1] < LEAST_SIDE or len(images) < 2:
        return None
    first = connected(len(images), near_pairs(images))
    first = np.where(np.bincount(first, minlength=len(first))[first] <= LARGEST_CHAIN, first, np.arange(len(first)))
    return first if (first != np.arange(len(first))).any() else None


def connected(count: int, pairs: Numbers) -> Numbers:
    """Return for each of `count` items the first one that pairs, 2 x pairs, connect it with.

    >>> connected(5, np.array([[3, 1], [4, 3]])).tolist()
    [0, 1, 2, 1, 1]
    """
    first = np.arange(count)
    while True:
        ends = first[pairs]
        lowest = first.copy()
        np.minimum.at(lowest, ends.ravel(), np.tile(ends.min(0), 2))
        while (lowest[lowest] != lowest).any():
            lowest = lowest[lowest]
        if (lowest == first).all():
            return first
        first = lowest


def near_pairs(images: Pixels) -> Numbers:
    """Return the pairs of images that look alike, 2 x pairs; equal ones are among them."""
    hashes, thumbnails = _looks(images)
    usable = np.flatnonzero(thumbnails.min(1) != thumbnails.max(1))
    found = [np.zeros((2, 0), np.int64)]
    for low, high in SHIFTS:
        found += _agreeing(usable, hashes >> np.uint64(low) & np.uint64((1 << high - low) - 1), hashes)
    pairs = np.unique(np.concatenate(found, axis=1), axis=1)
    keep = [
        look_alike(thumbnails[part[0]], thumbnails[part[1]])
        for part in np.array_split(pairs, max(pairs.shape[1] // AT_ONCE, 1), axis=1)
    ]
    return np.asarray(pairs[:, np.concatenate(keep)])


def _agreeing(usable: Numbers, band: npt.NDArray[np.uint64], hashes: npt.NDArray[np.uint64]) -> list[Numbers]:
    """Return the pairs that agree in a band of bits, and differ in few bits of all."""
    _, bucket, sizes = np.unique(band[usable], return_inverse=True, return_counts=True)
    in_some = (sizes[bucket] > 1) & (sizes[bucket] <= LARGEST_BUCKET)
    order = np.argsort(bucket[in_some], kind="stable")
    place, key = usable[in_some][order], bucket[in_some][order]
    found = []
    for apart in range(1, int(sizes[sizes <= LARGEST_BUCKET].max(initial=1))):
        same = key[apart:] == key[:-apart]
        a, b = place[:-apart][same], place[apart:][same]
        close = np.bitwise_count(hashes[a] ^ hashes[b]) <= MOST_BITS
        found.append(np.stack([a[close], b[close]]))
    return found


def _looks(images: Pixels) -> tuple[npt.NDArray[np.uint64], Pixels]:
    """Return the hash of each image's gradients, and its small gray copy, flattened."""
    hashes, thumbnails = np.empty(len(images), np.uint64), np.empty((len(images), THUMBNAIL**2), np.uint8)
    for start in range(0, len(images), AT_ONCE):
        part = images[start : start + AT_ONCE].transpose(1, 0, 2, 3).astype(np.float32, order="C")
        gray = part[0] if len(part) == 1 else np.rint(np.tensordot(GRAY.astype(np.float32), part, 1))
        small = _boxes(gray, 8, 9)
        bits = np.packbits((small[:, :, 1:] > small[:, :, :-1]).reshape(len(gray), -1), axis=1)
        hashes[start : start + AT_ONCE] = bits.view(">u8")[:, 0]
        thumbnails[start : start + AT_ONCE] = _boxes(gray, THUMBNAIL, THUMBNAIL).reshape(len(gray), -1)
    return hashes, thumbnails


def _boxes(gray: npt.NDArray[np.float32], height: int, width: int) -> npt.NDArray[np.int16]:
    """Return the images made smaller, by the means of the boxes that make up a pixel."""
    rows, columns = _shares(gray.shape[1], height), _shares(gray.shape[2], width)
    across = np.floor(gray @ columns.T + 0.5)  # Pillow rounds after each axis
    return np.asarray(np.floor(rows @ across + 0.5), np.int16)


def _shares(long: int, short: int) -> npt.NDArray[np.float32]:
    """Return the share of each of `long` pixels in each of `short` pixels, short x long."""
    edges = np.arange(short + 1) * long / short
    overlap = np.minimum(edges[1:, None], np.arange(1, long + 1)) - np.maximum(edges[:-1, None], np.arange(long))
    return np.asarray(np.clip(overlap, 0, None) * short / long, np.float32)
