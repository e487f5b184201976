"""Resizing and cropping of many images at once."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from convstudy.data.memory import Put, filled
from convstudy.data.resizing import resized
from convstudy.data.streamed import Streamed

CHUNK = 4096  # images at a time, so that a large set needs little additional memory


def resize(images: npt.NDArray[np.uint8], side: int) -> npt.NDArray[np.uint8]:
    """Resize N x C x H x W uint8 images to side x side, bilinear and antialiased (torchvision).

    >>> resize(np.full((1, 1, 8, 8), 7, np.uint8), 4).tolist()
    [[[[7, 7, 7, 7], [7, 7, 7, 7], [7, 7, 7, 7], [7, 7, 7, 7]]]]
    """
    if isinstance(images, Streamed):
        return images.at_side(side)  # type: ignore[return-value]
    if images.shape[2:] == (side, side):
        return images

    def resize_chunks(put: Put) -> None:
        for start in range(0, len(images), CHUNK):
            put(resized(np.array(images[start : start + CHUNK], order="C"), side))

    return filled((*images.shape[:2], side, side), resize_chunks)


def middle_squares(images: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Cut out the middle square of each of N x C x H x W images.

    >>> middle_squares(np.arange(12, dtype=np.uint8).reshape(1, 1, 2, 6)).tolist()
    [[[[2, 3], [8, 9]]]]
    """
    height, width = images.shape[2:]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return images[:, :, top : top + side, left : left + side]
