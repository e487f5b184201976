"""What happens to an image before a trained network sees it: all of it, so that a new image is treated the same."""

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
from convstudy.errors import DataError
from convstudy.inference import ResidentImages


def at_input(data: DataSet, input_shape: tuple[int, int, int]) -> DataSet:
    """The same data with every image at a network's input: its side, and its channels, grey or colours."""
    channels, side, _ = input_shape

    def coloured(part: ImageSet | None) -> ImageSet | None:
        return part and replace(part, images=recoloured(part.images, channels))

    sized = at_side(data, side)
    if data.in_channels == channels:
        return sized
    train, test = coloured(sized.train), coloured(sized.test)
    assert train is not None
    assert test is not None
    return replace(sized, train=train, validation=coloured(sized.validation), test=test)


def recoloured(images: npt.NDArray[np.uint8], in_channels: int) -> npt.NDArray[np.uint8]:
    """N x C x H x W bytes with 1 (grey) or 3 channels, as PIL converts them.

    >>> recoloured(np.full((1, 1, 2, 2), 7, np.uint8), 3).shape
    (1, 3, 2, 2)
    """
    if images.shape[1] == in_channels:
        return images
    mode = "L" if in_channels == 1 else "RGB"
    if isinstance(images, Streamed):
        return images.of_mode(mode)  # type: ignore[return-value]

    def converted(put: Put) -> None:
        for image in images:
            opened = Image.fromarray(image[0] if len(image) == 1 else image.transpose(1, 2, 0))
            put(planes(opened, mode)[None])

    return filled((len(images), in_channels, *images.shape[2:]), converted)


@dataclass(frozen=True)
class Preprocessing:
    """From an image of any size to a network's input, as in training.

    Source: the resizing is PIL's and torchvision's, bilinear and antialiased; the two sides differ where small images
    were enlarged for the network.

    >>> Preprocessing(1, 8, 32, (0.5,), (0.25,)).text
    'grey; middle square resized to 8x8, then to 32x32; divided by 255; minus 0.5, divided by 0.25'
    """

    in_channels: int  # 1 (grey) or 3 (red, green, blue)
    image_side: int  # of the images as the data set was read
    input_side: int  # of the network's input
    mean: tuple[float, ...]  # a channel, of pixels in 0..1
    std: tuple[float, ...]
    white: White | None = None  # of image files of more than 8 bits, if the run's data had any

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Preprocessing:
        """Read back what `to_json` gave."""
        white = White(*value["white"]) if value.get("white") else None
        return cls(**{**value, "mean": tuple(value["mean"]), "std": tuple(value["std"]), "white": white})

    def to_json(self) -> dict[str, Any]:
        """The record that a run's folder and an exported file hold."""
        return asdict(self)

    @property
    def input_shape(self) -> tuple[int, int, int]:
        return self.in_channels, self.input_side, self.input_side

    @property
    def text(self) -> str:
        """The steps, in a sentence."""
        colours = "grey" if self.in_channels == 1 else "red, green, blue"
        enlarged = "" if self.image_side == self.input_side else f", then to {self.input_side}x{self.input_side}"
        mean, std = (", ".join(f"{value:.6g}" for value in values) for values in (self.mean, self.std))
        return (
            f"{colours}; middle square resized to {self.image_side}x{self.image_side}{enlarged}; divided by 255; "
            f"minus {mean}, divided by {std}"
        )

    def read(self, paths: Sequence[Path]) -> npt.NDArray[np.uint8]:
        """Decode image files to N x C x H x W bytes of the network's input, whatever their size and colours.

        Raises: DataError, with the name of the first that cannot be decoded.
        """
        decoded = decode_all(
            paths, prepare=lambda image: squared(image, self.image_side), progress=None, white=self.white
        )
        bad = [item for item in decoded if item.image is None]
        if bad:
            more = f" ({len(bad)} such images in all)" if len(bad) > 1 else ""
            raise DataError(f"{bad[0].path} cannot be decoded: {bad[0].problem}{more}; leave it out or mend it")
        images = [item.image for item in decoded if item.image is not None]
        return resize(stacked(images, "L" if self.in_channels == 1 else "RGB"), self.input_side)

    def prepare(self, images: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
        """Bring images in memory, N x H x W (x channels) or N x channels x H x W, to the network's input.

        Raises: DataError, for another shape, or values beyond 0 to 255.
        """
        where = "the array of images"
        planes_of = as_planes(images, where, white_of({where: images}))
        squares = resize(middle_squares(planes_of), self.image_side)
        return resize(recoloured(squares, self.in_channels), self.input_side)

    def resident(
        self, images: npt.NDArray[np.uint8], labels: npt.NDArray[np.int64], device: torch.device
    ) -> ResidentImages:
        """Images that have the network's size already, on `device`, to be normalised as in training."""
        return ResidentImages.of(images, labels, mean=self.mean, std=self.std, device=device)
