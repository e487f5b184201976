"""Files decoded once to uint8: in memory if they fit, otherwise in a mapped file that later runs reuse.

The mapped file contains the images, a record in JSON, and at its end the record's length, a checksum of everything
before and a mark, by which a damaged file is recognized. Its name is a digest of everything that determines it. It is
written as a scratch file, which no other process touches, and moved into place. A lock saves a second process the work,
where locks are seen; nothing depends on it.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import __version__ as pillow

from convstudy.data.cache import ScratchFile, Seal, checksum_of, room_for_pixels
from convstudy.data.decoding import White, decode_each, planes, squared
from convstudy.data.image_set import digest
from convstudy.data.memory import Mapped, Put, fits, fits_on_disk
from convstudy.data.streamed import Streamed
from convstudy.errors import DataError
from convstudy.shared_memory import new_array

MARK = b"convstudy store1"
TAIL = struct.Struct(">QQ16s")  # the record's length, the CRC-32 of images and record, the mark
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class DecodingReport:
    """The result of decoding: problems of files that did not decode, by index, and treatments with their number of
    files.
    """

    problems: dict[int, str] = field(default_factory=dict)
    treatments: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class Store:
    """The images of the files that decode, in the files' order: N x C x H x W."""

    images: npt.NDArray[np.uint8]
    report: DecodingReport
    note: str = ""  # where the images are, if not in memory


def decoded_store(
    paths: Sequence[Path], *, side: int, mode: str, white: White | None = None, progress: Progress | None
) -> Store:
    """Decode files to squares of one side, of mode L or RGB, or reuse what an earlier run has decoded.

    Raises: DataError, if they fit neither into memory nor into the cache folder.
    """
    shape = (len(paths), 1 if mode == "L" else 3, side, side)
    num_bytes = int(np.prod(shape))
    if not fits(num_bytes) and not fits_on_disk(num_bytes):
        return _streamed(paths, shape, mode, white, progress)
    if not fits(num_bytes):
        return _mapped(paths, shape, mode, white, progress)
    images, place = new_array(shape), 0

    def put(image: npt.NDArray[np.uint8]) -> None:
        nonlocal place
        images[place] = image
        place += 1

    report = _decoded(paths, side, mode, white, put, progress)
    return Store(images[:place], report)


def _decoded(
    paths: Sequence[Path], side: int, mode: str, white: White | None, put: Put, progress: Progress | None
) -> DecodingReport:
    report = DecodingReport()
    for place, item in enumerate(decode_each(paths, lambda image: squared(image, side), white)):
        report.treatments.update(item.treatments)
        if item.image is None:
            report.problems[place] = item.problem
        else:
            put(planes(item.image, mode))
        if progress:
            progress(place + 1, len(paths))
    return report


def _streamed(
    paths: Sequence[Path], shape: tuple[int, ...], mode: str, white: White | None, progress: Progress | None
) -> Store:
    """Decode all files once, to learn which of them decode and what they show, and keep no image."""
    digests: list[bytes] = []
    report = _decoded(paths, shape[-1], mode, white, lambda image: digests.append(digest(image)), progress)
    good = tuple(path for place, path in enumerate(paths) if place not in report.problems)
    images: Any = Streamed(good, mode, (shape[-1],), white, tuple(digests))
    size = f"{int(np.prod(shape)) / 1e9:.2g} GB of images"
    return Store(images, report, f"{size}, too many for memory and the cache folder: decoded again in each epoch")


def _mapped(
    paths: Sequence[Path], shape: tuple[int, ...], mode: str, white: White | None, progress: Progress | None
) -> Store:
    from filelock import FileLock

    with room_for_pixels(int(np.prod(shape))) as folder:
        path = folder / f"{fingerprint(paths, shape, white)}.images"
        with FileLock(path.with_suffix(".lock")):  # a second process waits, and uses what the first has built
            store = opened(path)
            if store is None:
                _build(paths, shape, mode, white, progress, path)
                store = opened(path)
    if store is None:
        raise DataError(f"{path} was written but cannot be read back; the disk may be failing")
    return store


def _build(
    paths: Sequence[Path], shape: tuple[int, ...], mode: str, white: White | None, progress: Progress | None, path: Path
) -> None:
    count = 0
    file = ScratchFile()

    def put(image: npt.NDArray[np.uint8]) -> None:
        nonlocal count
        file.write(np.ascontiguousarray(image).reshape(-1).data)
        count += 1

    try:
        report = _decoded(paths, shape[-1], mode, white, put, progress)
        record = {"shape": [count, *shape[1:]], "problems": report.problems, "treatments": report.treatments}
        end = json.dumps(record).encode()
        file.write(memoryview(end))
        file.write(memoryview(TAIL.pack(len(end), file.seal.checksum, MARK)))
        file.move_to(path)
    except BaseException:
        file.remove()  # the room is given back
        raise


def opened(path: Path) -> Store | None:
    """Return the store in a file, or None if there is none or it is damaged."""
    if not path.exists():
        return None
    found = _record(path)
    if found is None:
        return None
    record, seal = found
    shape = tuple(record["shape"])
    images = Mapped.of(path, shape, seal) if shape[0] else np.empty(shape, np.uint8)
    report = DecodingReport(
        {int(place): what for place, what in record["problems"].items()}, Counter(record["treatments"])
    )
    note = f"{images.nbytes / 1e9:.2g} GB of images, more than a quarter of the free memory: mapped from the cache"
    return Store(images, report, note)


def _record(path: Path) -> tuple[dict[str, Any], Seal] | None:
    """Return the record at the end of a store, with its seal, or None if the file is not as it was written."""
    size = path.stat().st_size - TAIL.size
    if size < 0:
        return None
    with path.open("rb") as file:
        file.seek(size)
        length, checksum, mark = TAIL.unpack(file.read())
        if mark != MARK or length > size or checksum != checksum_of(path, size):
            return None
        file.seek(size - length)
        record: dict[str, Any] = json.loads(file.read(length))
    return record, Seal(size, checksum)


def fingerprint(paths: Sequence[Path], shape: tuple[int, ...], white: White | None = None) -> str:
    """Digest everything that determines a store: the files' paths, sizes and times of change, the shape, and Pillow."""
    digest = hashlib.sha256(f"{MARK!r} {pillow} {shape} {white}".encode())
    for path in paths:
        digest.update(b"\0" + str(path.absolute()).encode(errors="surrogateescape") + repr(_stamp(path)).encode())
    return digest.hexdigest()[:32]


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:  # a link to nothing, which decoding reports
        return None
    return found.st_size, found.st_mtime_ns
