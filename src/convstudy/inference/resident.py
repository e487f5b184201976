"""A set of images as one uint8 tensor, in the memory of the device or mapped from a file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

Stream = Callable[[Iterable[Sequence[int]]], Iterator[npt.NDArray[np.uint8]]]


@dataclass(frozen=True)
class ResidentImages:
    """Images and labels on the device that uses them, with the constants that normalize them.

    `images` is uint8, N x C x H x W, or more images, of which `places` has the N indices; `labels` is int64, N; `mean`
    and `std` are C values in 0..1. Images mapped from a file stay there and go to the device batch by batch; a stream
    decodes them batch by batch. Normalized batches have the memory format `layout`, or that of the images.
    """

    images: Tensor
    labels: Tensor
    mean: tuple[float, ...]
    std: tuple[float, ...]
    mapped: bool = False
    stream: Stream | None = None
    places: Tensor | None = None
    layout: torch.memory_format = torch.preserve_format

    @classmethod
    def of(
        cls,
        images: npt.NDArray[np.uint8],
        labels: npt.NDArray[np.int64],
        *,
        mean: tuple[float, ...],
        std: tuple[float, ...],
        device: torch.device,
        layout: torch.memory_format = torch.preserve_format,
    ) -> ResidentImages:
        """Move arrays to `device`; of a mapped array, move the labels only.

        On the CPU the images of a part of an array stay in that array, unless its memory format is another one than
        channels-last and batches should have that, which would take time in each step.
        """
        on_device = torch.from_numpy(labels).to(device)
        stream = getattr(images, "stream", None)
        if stream:  # a tensor of that shape that needs no memory
            shown = torch.zeros((), dtype=torch.uint8).expand(images.shape)
            return cls(shown, on_device, mean, std, stream=stream, layout=layout)
        whole, indices = getattr(images, "whole", images), getattr(images, "indices", None)
        tensor, places = torch.from_numpy(whole), None if indices is None else torch.from_numpy(indices)
        mapped = isinstance(whole, np.memmap)
        reordered = layout == torch.channels_last and not tensor.is_contiguous(memory_format=layout)
        if not mapped and (reordered or device.type != "cpu"):
            own = tensor if places is None else images_at(tensor, places)
            tensor, places = own.to(device, memory_format=layout), None
        return cls(tensor, on_device, mean, std, mapped, places=places, layout=layout)

    def __len__(self) -> int:
        return len(self.labels)

    def normalized(self, batch: Tensor) -> Tensor:
        """Return (x / 255 - mean) / std per channel, as float32, on the device.

        A constant channel (std 0) is only centered.
        """
        normalized = batch.to(self.labels.device).to(torch.float32, memory_format=self.layout)
        scale, shift = self._scale_and_shift(normalized[:1])
        return normalized.mul_(scale).add_(shift)

    def _scale_and_shift(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Return the constants of `normalized` with the shape and memory format of one image, which is several times
        faster in channels-last than one value per channel.
        """
        key = (image.shape, image.stride(), image.device)
        if key not in self._constants:
            std = torch.tensor([value or 1.0 for value in self.std])
            scale, shift = 1 / (255 * std), -torch.tensor(self.mean) / std
            self._constants[key] = _spread(scale, image), _spread(shift, image)
        return self._constants[key]

    @cached_property
    def _constants(self) -> dict[object, tuple[Tensor, Tensor]]:
        return {}

    def batches(self, batch_size: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield all images once, in order and normalized: B x C x H x W float32 and B labels."""
        places = torch.split(torch.arange(len(self)), batch_size)
        in_order = self.stream is None and self.places is None
        fetched = torch.split(self.images, batch_size) if in_order else self.rows(places)
        for images, labels in zip(fetched, torch.split(self.labels, batch_size), strict=True):
            yield self.normalized(images), labels

    def part(self, rank: int, world: int) -> ResidentImages:
        """Return the images that process `rank` of `world` evaluates.

        The parts are disjoint, and their sizes differ by at most one.
        """
        sizes = [len(places) for places in torch.arange(len(self)).tensor_split(world)]
        start = sum(sizes[:rank])
        end = start + sizes[rank]
        own = replace(self, labels=self.labels[start:end], stream=self.stream and _moved(self.stream, start))
        if self.places is not None:
            return replace(own, places=self.places[start:end])
        return replace(own, images=self.images[start:end])

    @property
    def elsewhere(self) -> bool:
        """Whether the images are not in memory of their own but fetched batch by batch."""
        return self.mapped or self.stream is not None

    def at(self, places: Tensor) -> Tensor:
        """Return the images at some indices, unchanged: uint8, B x C x H x W."""
        return images_at(self.images, places if self.places is None else self.places[places])

    def rows(self, batches: Sequence[Tensor]) -> Iterator[Tensor]:
        """Yield the images of each batch of indices, unchanged: uint8, B x C x H x W."""
        if self.stream is None:
            return (self.at(places.to(self.images.device)) for places in batches)
        return (torch.from_numpy(images) for images in self.stream(places.tolist() for places in batches))


def is_channels_last(images: Tensor) -> bool:
    """Return whether the channels of a pixel are adjacent in memory, rather than the pixels of a channel."""
    return images.is_contiguous(memory_format=torch.channels_last) and not images.is_contiguous()


def images_at(images: Tensor, places: Tensor) -> Tensor:
    """Return the images at some indices in their memory format: B x C x H x W.

    Each image is copied as one row, which is fast.

    >>> images_at(torch.arange(8).view(2, 1, 2, 2), torch.tensor([1])).tolist()
    [[[[4, 5], [6, 7]]]]
    """
    if is_channels_last(images):
        return images.permute(0, 2, 3, 1).index_select(0, places).permute(0, 3, 1, 2)
    return images.index_select(0, places)


def _spread(of_channels: Tensor, image: Tensor) -> Tensor:
    return torch.empty_like(image).copy_(of_channels.view(-1, 1, 1))


def _moved(stream: Stream, start: int) -> Stream:
    """Return the stream of the images from index `start` on."""
    return lambda batches: stream([start + place for place in places] for places in batches)
