"""Resizing of the images of one array."""

from __future__ import annotations

import platform

import numpy as np
import numpy.typing as npt


def resized(images: npt.NDArray[np.uint8], side: int) -> npt.NDArray[np.uint8]:
    """Resize N x C x H x W uint8 images in memory to side x side, bilinear and antialiased.

    The pixels are those of torchvision's `resize`, whose import takes more than a second.

    >>> resized(np.full((1, 1, 8, 8), 7, np.uint8), 2).tolist()
    [[[[7, 7], [7, 7]]]]
    """
    import torch
    import torch.nn.functional as F

    if images.shape[2:] == (side, side):
        return images
    if not len(images):
        return np.empty((*images.shape[:2], side, side), np.uint8)
    pixels = torch.from_numpy(images)
    processor = torch.backends.cpu.get_cpu_capability()
    of_bytes = processor in {"AVX2", "AVX512"} or platform.machine() in {"aarch64", "arm64"}  # as torchvision decides
    given = pixels if of_bytes else pixels.float()
    small = F.interpolate(given, [side, side], mode="bilinear", align_corners=False, antialias=True)
    found: npt.NDArray[np.uint8] = (small if of_bytes else small.round().to(torch.uint8)).numpy()
    return found
