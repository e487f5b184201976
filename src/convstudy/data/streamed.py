"""Images that fit neither in memory nor on disk: decoded by threads whenever they are needed, again in each epoch.

They behave like an array N x C x H x W as far as this package uses one, so that they are treated the same.
"""

from __future__ import annotations

import warnings
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from convstudy.data.decoding import White, decode, planes, squared
from convstudy.data.resizing import resized
from convstudy.errors import DataError

AT_ONCE = 256  # images per batch when iterating over all
AHEAD = 2  # batches decoded before they are needed


@dataclass(frozen=True)
class Streamed:
    """The images of files that are known to decode."""

    paths: tuple[Path, ...]
    mode: str  # L or RGB
    sides: tuple[int, ...]  # to which they are resized, one after the other
    white: White | None = None  # of images of more than 8 bits
    digests: tuple[bytes, ...] = ()  # of their pixels, if known

    @property
    def shape(self) -> tuple[int, int, int, int]:
        return len(self.paths), 1 if self.mode == "L" else 3, self.sides[-1], self.sides[-1]

    def __len__(self) -> int:
        return len(self.paths)

    def __iter__(self) -> Iterator[npt.NDArray[np.uint8]]:
        for batch in self.stream([list(range(at, at + AT_ONCE)) for at in range(0, len(self), AT_ONCE)]):
            yield from batch

    def __getitem__(self, key: Any) -> npt.NDArray[np.uint8]:
        """Index like an array: the first index selects images, which are decoded; the others apply to their pixels."""
        rows, *others = key if isinstance(key, tuple) else (key,)
        chosen = np.arange(len(self))[rows]
        images = next(self.stream([np.atleast_1d(chosen).tolist()]))
        found: npt.NDArray[np.uint8] = images[(slice(None), *others)] if chosen.ndim else images[(0, *others)]
        return found

    def chosen(self, indices: npt.NDArray[np.int64]) -> Streamed:
        """Return the images at `indices`, without decoding them."""
        at = indices.tolist()
        digests = tuple(self.digests[index] for index in at) if self.digests else ()
        return replace(self, paths=tuple(self.paths[index] for index in at), digests=digests)

    def at_side(self, side: int) -> Streamed:
        """Return the images resized to side x side."""
        return self if side == self.sides[-1] else replace(self, sides=(*self.sides, side), digests=())

    def of_mode(self, mode: str) -> Streamed:
        """Return the images in gray or in color."""
        return replace(self, mode=mode, digests=())

    def stream(self, batches: Iterable[Sequence[int]]) -> Iterator[npt.NDArray[np.uint8]]:
        """Yield the images of each batch of indices, in order, while the next batches are being decoded.

        Raises: DataError, if a file does not decode any more.
        """
        warnings.filterwarnings(
            "ignore", module=r"PIL\."
        )  # what PIL warns of either decodes or is reported as a problem
        waiting: deque[list[Future[npt.NDArray[np.uint8]]]] = deque()
        with ThreadPoolExecutor() as pool:
            try:
                for batch in batches:
                    waiting.append([pool.submit(self._image, index) for index in batch if index < len(self)])
                    if len(waiting) > AHEAD:
                        yield self._together(waiting.popleft())
                while waiting:
                    yield self._together(waiting.popleft())
            finally:
                pool.shutdown(cancel_futures=True)

    def _together(self, decoded: list[Future[npt.NDArray[np.uint8]]]) -> npt.NDArray[np.uint8]:
        first = self.sides[0]
        images = np.empty((len(decoded), self.shape[1], first, first), np.uint8)
        for place, future in enumerate(decoded):
            images[place] = future.result()
        for side in self.sides[1:]:
            images = resized(images, side)
        return images

    def _image(self, index: int) -> npt.NDArray[np.uint8]:
        path = self.paths[index]
        decoded = decode(path, lambda image: squared(image, self.sides[0]), self.white)
        if decoded.image is None:
            raise DataError(
                f"{path} cannot be decoded any more: {decoded.problem}; it was intact when it was first read"
            )
        return planes(decoded.image, self.mode)
