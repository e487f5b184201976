"""A set of images as one uint8 tensor: in the memory of the device that uses them, or mapped from a file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor


@dataclass(frozen=True)
class ResidentImages:
    """Images and labels on the device that uses them, with the constants that normalise them.

    `images` is uint8, N x C x H x W; `labels` is int64, N; `mean` and `std` are C values in 0..1. Images that are
    mapped from a file stay there, and go to the device batch by batch.
    """

    images: Tensor
    labels: Tensor
    mean: tuple[float, ...]
    std: tuple[float, ...]
    mapped: bool = False

    @classmethod
    def of(
        cls,
        images: npt.NDArray[np.uint8],
        labels: npt.NDArray[np.int64],
        *,
        mean: tuple[float, ...],
        std: tuple[float, ...],
        device: torch.device,
    ) -> ResidentImages:
        """Move arrays to `device`; of a mapped array the labels alone."""
        mapped = isinstance(images, np.memmap)
        tensor = torch.from_numpy(images)
        return cls(tensor if mapped else tensor.to(device), torch.from_numpy(labels).to(device), mean, std, mapped)

    def __len__(self) -> int:
        return len(self.labels)

    def normalised(self, batch: Tensor) -> Tensor:
        """(x / 255 - mean) / std a channel, as float32, on the device. A constant channel (std 0) is only centred."""
        batch = batch.to(self.labels.device)
        std = torch.tensor([value or 1.0 for value in self.std])
        scale = 1 / (255 * std)
        shift = -torch.tensor(self.mean) / std
        return batch.float().mul_(scale.view(-1, 1, 1).to(batch.device)).add_(shift.view(-1, 1, 1).to(batch.device))

    def batches(self, batch_size: int) -> Iterator[tuple[Tensor, Tensor]]:
        """All images once, in their order, normalised: B x C x H x W float32 and B labels."""
        for images, labels in zip(
            torch.split(self.images, batch_size), torch.split(self.labels, batch_size), strict=True
        ):
            yield self.normalised(images), labels
