"""Preprocessing: every step from an image file to the input of a trained network, so that it can be repeated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image

from convstudy.data import DataSet, ImageSet, at_side, resize
from convstudy.data.arrays import as_planes, white_of
from convstudy.data.decoding import White, decode_all, planes, squared, stacked
from convstudy.data.memory import Put, filled
from convstudy.data.pixels import middle_squares
from convstudy.data.streamed import Streamed
from convstudy.inference import ResidentImages

RESIZING = "bilinear, antialiased"  # how images are resized, for readers of an exported file


def at_input(data: DataSet, input_shape: tuple[int, int, int]) -> DataSet:
    """Return the data with every image resized and converted to a network's input: channels x height x width."""
    channels, side, _ = input_shape

    def converted(part: ImageSet) -> ImageSet:
        return part.changed(with_channels(part.images, channels))

    sized = at_side(data, side)
    if data.in_channels == channels:
        return sized
    validation = None if sized.validation is None else converted(sized.validation)
    return replace(sized, train=converted(sized.train), validation=validation, test=converted(sized.test))


def with_channels(images: npt.NDArray[np.uint8], in_channels: int) -> npt.NDArray[np.uint8]:
    """Convert N x C x H x W bytes to 1 (grayscale) or 3 (RGB) channels, as PIL does.

    >>> with_channels(np.full((1, 1, 2, 2), 7, np.uint8), 3).shape
    (1, 3, 2, 2)
    """
    if images.shape[1] == in_channels:
        return images
    mode = "L" if in_channels == 1 else "RGB"
    if isinstance(images, Streamed):
        return images.of_mode(mode)  # type: ignore[return-value]

    def convert(put: Put) -> None:
        for image in images:
            opened = Image.fromarray(image[0] if len(image) == 1 else image.transpose(1, 2, 0))
            put(planes(opened, mode)[None])

    return filled((len(images), in_channels, *images.shape[2:]), convert)


@dataclass(frozen=True, kw_only=True)
class Preprocessing:
    """Conversion of an image of any size to a network's input, as in training.

    Source: images are resized as PIL and torchvision do it, bilinear and antialiased. The two sides differ if small
    images were enlarged for the network.

    >>> Preprocessing(in_channels=1, image_side=8, input_side=32, mean=(0.5,), std=(0.25,)).text  # doctest: +ELLIPSIS
    'grayscale; center square resized to 8x8, then to 32x32; bilinear, antialiased; divided by 255; minus 0.5, ...'
    """

    in_channels: int  # 1 (grayscale) or 3 (RGB)
    image_side: int  # of the images as the data set was read
    input_side: int  # of the network's input
    mean: tuple[float, ...]  # per channel, of pixels in 0..1
    std: tuple[float, ...]
    white: White | None = None  # of image files of more than 8 bits, if the run's data had any

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Preprocessing:
        """Return the preprocessing that `to_json` returned as `value`."""
        white = White(*value["white"]) if value.get("white") else None
        return cls(**{**value, "mean": tuple(value["mean"]), "std": tuple(value["std"]), "white": white})

    def to_json(self) -> dict[str, Any]:
        """Return the record that a run's folder and an exported file store."""
        return asdict(self)

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """Shape of one input image: channels x height x width."""
        return self.in_channels, self.input_side, self.input_side

    @property
    def text(self) -> str:
        """The steps as a sentence."""
        colors = "grayscale" if self.in_channels == 1 else "RGB"
        enlarged = "" if self.image_side == self.input_side else f", then to {self.input_side}x{self.input_side}"
        mean, std = (", ".join(f"{value:.6g}" for value in values) for values in (self.mean, self.std))
        return (
            f"{colors}; center square resized to {self.image_side}x{self.image_side}{enlarged}; {RESIZING}; "
            f"divided by 255; minus {mean}, divided by {std}"
        )

    def read(self, paths: Sequence[Path]) -> tuple[npt.NDArray[np.uint8], dict[Path, str]]:
        """Decode image files of any size and color mode to N x C x H x W bytes of the network's input.

        The files that cannot be decoded are returned with the reason; the images are those of all others.
        """
        decoded = decode_all(
            paths, prepare=lambda image: squared(image, self.image_side), progress=None, white=self.white
        )
        problems = {item.path: item.problem for item in decoded if item.image is None}
        images = [item.image for item in decoded if item.image is not None]
        if not images:
            return np.zeros((0, *self.input_shape), np.uint8), problems
        return resize(stacked(images, "L" if self.in_channels == 1 else "RGB"), self.input_side), problems

    def prepare(self, images: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
        """Convert images in memory, N x H x W (x channels) or N x channels x H x W, to the network's input.

        Raises: DataError, if the shape is another one, or values are outside 0 to 255.
        """
        where = "the array of images"
        planes_of = as_planes(images, where, white_of({where: images}))
        squares = resize(middle_squares(planes_of), self.image_side)
        return resize(with_channels(squares, self.in_channels), self.input_side)

    def resident(
        self, images: npt.NDArray[np.uint8], labels: npt.NDArray[np.int64], device: torch.device
    ) -> ResidentImages:
        """Return images that already have the network's input size as a set on `device`, normalized as in training."""
        return ResidentImages.of(
            images, labels, mean=self.mean, std=self.std, device=device, layout=torch.contiguous_format
        )
