"""The order of pixels in memory that training in channels-last uses: the channels of a pixel are adjacent."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

AT_ONCE = 1024  # images that are copied, while theirs are written


def interleave(images: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Reorder the pixels of C-contiguous images in place, so that the channels of each are adjacent in memory.

    Returns: the same images as a view, N x C x H x W. Whoever has the given array must not use it any more.

    >>> images = np.arange(8, dtype=np.uint8).reshape(1, 2, 2, 2)
    >>> same = interleave(images)
    >>> same.tolist(), images.ravel().tolist()
    ([[[[0, 1], [2, 3]], [[4, 5], [6, 7]]]], [0, 4, 1, 5, 2, 6, 3, 7])
    """
    count, channels, height, width = images.shape
    adjacent = images.reshape(count, height, width, channels)
    for start in range(0, count, AT_ONCE):
        planes = images[start : start + AT_ONCE].copy()
        for channel in range(channels):  # faster than NumPy's transposition
            adjacent[start : start + AT_ONCE, :, :, channel] = planes[:, channel]
    return adjacent.transpose(0, 3, 1, 2)


def is_interleaved(images: Any) -> bool:
    """Return whether the channels of a pixel are adjacent in memory, rather than the pixels of a channel."""
    return (
        isinstance(images, np.ndarray)
        and images.ndim == 4
        and images.transpose(0, 2, 3, 1).flags.c_contiguous
        and not images.flags.c_contiguous
    )
