"""Some images of an array, which are copied only when they are used: the parts of a split, which share its memory.

They behave like an array N x C x H x W as far as this package uses one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, eq=False)
class Rows:
    """The images of `whole`, N x C x H x W, at some indices, in their order.

    >>> images = Rows(np.arange(3, dtype=np.uint8).reshape(3, 1, 1, 1), np.array([2, 0]))
    >>> images.shape, images[0].item(), images.chosen(np.array([1, 1]))[:, 0, 0, 0].tolist()
    ((2, 1, 1, 1), 2, [0, 0])
    """

    whole: npt.NDArray[np.uint8]
    indices: npt.NDArray[np.int64]

    @property
    def shape(self) -> tuple[int, ...]:
        return (len(self.indices), *self.whole.shape[1:])

    def __len__(self) -> int:
        return len(self.indices)

    def __iter__(self) -> Iterator[npt.NDArray[np.uint8]]:
        return (self.whole[index] for index in self.indices)

    def __getitem__(self, key: Any) -> npt.NDArray[np.uint8]:
        """Index like an array: the first index selects images, the others apply to their pixels."""
        rows, *others = key if isinstance(key, tuple) else (key,)
        found: npt.NDArray[np.uint8] = self.whole[(self.indices[rows], *others)]
        return found

    def chosen(self, indices: npt.NDArray[np.int64]) -> Rows:
        """Return the images at `indices` of these."""
        return replace(self, indices=self.indices[indices])
