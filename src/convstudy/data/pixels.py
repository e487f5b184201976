"""Pixels of many images at once: their size and their statistics."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from convstudy.data.memory import Put, filled
from convstudy.data.streamed import Streamed

CHUNK = 4096  # images at a time, so that a large set needs little memory beside itself


def resize(images: npt.NDArray[np.uint8], side: int) -> npt.NDArray[np.uint8]:
    """Resize N x C x H x W uint8 images to side x side, bilinear and antialiased (torchvision).

    >>> resize(np.full((1, 1, 8, 8), 7, np.uint8), 4).tolist()
    [[[[7, 7, 7, 7], [7, 7, 7, 7], [7, 7, 7, 7], [7, 7, 7, 7]]]]
    """
    import torch
    from torchvision.transforms.v2 import functional as tv

    if isinstance(images, Streamed):
        return images.at_side(side)  # type: ignore[return-value]
    if images.shape[2:] == (side, side):
        return images

    def resized(put: Put) -> None:
        for start in range(0, len(images), CHUNK):
            chunk = torch.from_numpy(np.array(images[start : start + CHUNK]))
            put(tv.resize(chunk, [side, side], antialias=True).numpy())

    return filled((*images.shape[:2], side, side), resized)


def middle_squares(images: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """The middle square of each of N x C x H x W images.

    >>> middle_squares(np.arange(12, dtype=np.uint8).reshape(1, 1, 2, 6)).tolist()
    [[[[2, 3], [8, 9]]]]
    """
    height, width = images.shape[2:]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return images[:, :, top : top + side, left : left + side]


def pixel_statistics(images: npt.NDArray[np.uint8]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of each channel over all pixels of N x C x H x W images, in 0..1.

    Exact: from a histogram of the 256 values of each channel.

    >>> pixel_statistics(np.array([0, 255], np.uint8).reshape(2, 1, 1, 1))
    ((0.5,), (0.5,))
    """
    import torch

    values = np.arange(256) / 255
    means, stds = [], []
    for channel in range(images.shape[1]):
        counts = np.zeros(256)
        for start in range(0, len(images), CHUNK):
            pixels = torch.from_numpy(np.array(images[start : start + CHUNK, channel])).flatten()
            counts += torch.bincount(pixels, minlength=256).numpy()  # numpy's takes six times as long for bytes
        mean = float((counts * values).sum() / counts.sum())
        means.append(mean)
        stds.append(float(np.sqrt((counts * (values - mean) ** 2).sum() / counts.sum())))
    return tuple(means), tuple(stds)
