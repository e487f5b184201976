"""Storage of decoded images: in memory if they take at most a quarter of what is free, otherwise in mapped files."""

from __future__ import annotations

import mmap
import shutil
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from convstudy.data.cache import ScratchFile, Seal, cache_folder, room_for_pixels
from convstudy.data.free_memory import free_memory
from convstudy.data.rows import Rows
from convstudy.data.streamed import Streamed
from convstudy.errors import DataError
from convstudy.shared_memory import new_array

Put = Callable[[npt.NDArray[np.uint8]], object]  # takes the next rows of an array
COPIES = 3  # of the decoded images: the store, the parts of a split, and resized images
AGAIN = "repeat the command, which decodes them again"
SHARE = 4  # images in memory take at most a quarter of what is free


def fits(num_bytes: int) -> bool:
    """Return whether images of this many bytes stay in memory.

    >>> fits(1000), fits(10**18)
    (True, False)
    """
    return num_bytes * SHARE <= free_memory()


def fits_on_disk(num_bytes: int) -> bool:
    """Return whether the cache folder has room for this many bytes, and for the copies of splitting and resizing."""
    folder = cache_folder()
    there = next((place for place in (folder, *folder.parents) if place.is_dir()), Path())
    return COPIES * num_bytes <= shutil.disk_usage(there).free


class Mapped(np.memmap[Any, np.dtype[np.uint8]]):
    """Images in a file, N x C x H x W, read when they are accessed. Writing changes them in memory only.

    They are passed to another process as the file's name and seal: nothing is copied.
    """

    seal: Seal | None = None

    @classmethod
    def of(cls, path: Path, shape: tuple[int, ...], seal: Seal, offset: int = 0) -> Mapped:
        """Map the bytes of a file from `offset` on."""
        mapped = cls(path, np.uint8, "c", offset, shape)
        mapped.seal = seal
        return mapped

    @classmethod
    def opened(cls, path: Path, shape: tuple[int, ...], seal: Seal, offset: int) -> Mapped:
        """Map a file that another process has sealed.

        Raises: DataError, if the file is gone, or is not the one that was sealed.
        """
        try:
            kept = _is_kept(path, _version(path), seal)
        except OSError as error:
            raise DataError(f"{path}, with decoded images, cannot be read ({error.strerror}); {AGAIN}") from error
        if not kept:
            raise DataError(f"{path}, with decoded images, has changed since it was written; {AGAIN}")
        return cls.of(path, shape, seal, offset)

    def __array_finalize__(self, whole: Any) -> None:
        super().__array_finalize__(whole)
        self.seal = getattr(whole, "seal", None)

    def __reduce__(self) -> Any:
        file = getattr(self, "_mmap", None)
        if file is None or self.seal is None or not self.flags.c_contiguous:
            return np.array(self).__reduce__()
        start = np.frombuffer(file, np.uint8).__array_interface__["data"][0]
        page = self.offset - self.offset % mmap.ALLOCATIONGRANULARITY
        offset = page + self.__array_interface__["data"][0] - start
        return Mapped.opened, (Path(str(self.filename)), self.shape, self.seal, offset)


def _version(path: Path) -> tuple[int, ...]:
    found = path.stat()
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


@lru_cache(maxsize=64)
def _is_kept(path: Path, _version: tuple[int, ...], seal: Seal) -> bool:
    """Return whether a file is as it was sealed; each version of it is read once."""
    return seal.holds(path)


def is_mapped(images: npt.NDArray[np.uint8]) -> bool:
    """Return whether images are mapped from a file."""
    return isinstance(images, Mapped) and getattr(images, "_mmap", None) is not None


def filled(shape: tuple[int, ...], fill: Callable[[Put], object]) -> npt.NDArray[np.uint8]:
    """Return an array of bytes of this shape, in memory or mapped.

    `fill` is called with the function that takes its rows in order.

    >>> filled((2, 1), lambda put: [put(np.array([[row]], np.uint8)) for row in (7, 8)]).tolist()
    [[7], [8]]
    """
    num_bytes = int(np.prod(shape))
    if not fits(num_bytes):
        with room_for_pixels(num_bytes):
            file = ScratchFile()
            try:
                fill(lambda rows: file.write(np.ascontiguousarray(rows).reshape(-1).data))
            except BaseException:
                file.remove()  # the room is given back
                raise
        return Mapped.of(file.path, shape, file.seal)
    array = new_array(shape)
    place = 0

    def put(rows: npt.NDArray[np.uint8]) -> None:
        nonlocal place
        array[place : place + len(rows)] = rows
        place += len(rows)

    fill(put)
    return array


def slice_of(images: npt.NDArray[np.uint8], start: int, end: int) -> npt.NDArray[np.uint8]:
    """Return the images from `start` to `end` without copying or decoding them."""
    if isinstance(images, Streamed):
        return images.chosen(np.arange(start, end))  # type: ignore[return-value]
    return images[start:end]


def rows_of(
    images: npt.NDArray[np.uint8], indices: npt.NDArray[np.int64], at_once: int = 1024
) -> npt.NDArray[np.uint8]:
    """Return the images at `indices`; those of a mapped file go to another file if they are too many for memory."""
    if isinstance(images, Streamed | Rows):
        return images.chosen(indices)  # type: ignore[return-value]
    if not is_mapped(images):
        return images[indices]
    shape = (len(indices), *images.shape[1:])
    return filled(
        shape,
        lambda put: [put(images[indices[start : start + at_once]]) for start in range(0, len(indices), at_once)],
    )
