"""The cache folder: its files are recreated when they are lost, so it may be deleted at any time."""

from __future__ import annotations

import atexit
import os
import platform
import secrets
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from convstudy.errors import DataError
from convstudy.file_lock import Lock, boot, lock
from convstudy.files import NEW_FILE

VARIABLE = "CONVSTUDY_CACHE"
SUFFIX = ".bytes"
PIECE = 1 << 24  # bytes at a time


def cache_folder() -> Path:
    """Return the folder that CONVSTUDY_CACHE names, otherwise the platform's, such as ~/.cache/convstudy."""
    from platformdirs import user_cache_path

    return Path(os.environ[VARIABLE]) if os.environ.get(VARIABLE) else user_cache_path("convstudy")


@contextmanager
def room_for(what: str, advice: str = "") -> Iterator[Path]:
    """Yield the cache folder for writing. Raises: DataError, if writing fails: the disk is full or read-only."""
    folder = cache_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield folder
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise DataError(
            f"{what} cannot be stored in {folder}: {reason}; set {VARIABLE} to another folder{advice}"
        ) from error


@contextmanager
def room_for_pixels(num_bytes: int) -> Iterator[Path]:
    """Yield the cache folder for writing decoded images. Raises: as `room_for`."""
    what = f"{num_bytes / 1e9:.2g} GB of decoded images, more than a quarter of the free memory,"
    with room_for(what, ", or use smaller images") as folder:
        yield folder


@dataclass(frozen=True)
class Seal:
    """What the first bytes of a file are known by, so that whoever opens it knows that they are the ones meant."""

    num_bytes: int
    checksum: int  # CRC-32

    def holds(self, path: Path) -> bool:
        """Return whether the file is as it was sealed. Raises: OSError, if it cannot be read."""
        return checksum_of(path, self.num_bytes) == self.checksum


def checksum_of(path: Path, num_bytes: int) -> int | None:
    """Return the CRC-32 of the first bytes of a file; None if there are not so many."""
    checksum = 0
    with path.open("rb") as file:
        while num_bytes and (piece := file.read(min(PIECE, num_bytes))):
            checksum, num_bytes = zlib.crc32(piece, checksum), num_bytes - len(piece)
    return None if num_bytes else checksum


class ScratchFile:
    """A new file in the cache folder, which belongs to this process alone and is removed when it ends.

    Its name is random and made exclusively, and a lock on it shows that its owner lives: host names and process
    numbers may be equal in several containers that share a cache. Files whose owner is gone are removed first.
    """

    def __init__(self) -> None:
        """Create the file. Raises: OSError."""
        folder = cache_folder() / "scratch"
        folder.mkdir(parents=True, exist_ok=True)
        _remove_left(folder)
        self._descriptor, self.path = _created(folder)
        _owned[self.path] = self._descriptor
        self.num_bytes, self._checksum = 0, 0

    def write(self, content: memoryview) -> None:
        """Append bytes. Raises: OSError."""
        self._checksum, self.num_bytes = zlib.crc32(content, self._checksum), self.num_bytes + len(content)
        while len(content):
            content = content[os.write(self._descriptor, content) :]

    @property
    def seal(self) -> Seal:
        """What its content is known by."""
        return Seal(self.num_bytes, self._checksum)

    def remove(self) -> None:
        """Remove the file now."""
        _disown(self.path)

    def move_to(self, path: Path) -> None:
        """Store the file and give it another name, under which it stays. Raises: OSError."""
        os.fsync(self._descriptor)
        if os.name == "nt":  # where an open file cannot be moved
            os.close(self._descriptor)
        self.path.replace(path)
        del _owned[self.path]
        if os.name != "nt":
            os.close(self._descriptor)
        self.path = path


_owned: dict[Path, int] = {}  # the scratch files of this process, and their open files, which hold the locks


def _disown(path: Path) -> None:
    descriptor = _owned.pop(path, None)
    if descriptor is not None:
        with suppress(OSError):  # first while it is locked; on Windows it can be removed after it is closed
            path.unlink()
        os.close(descriptor)
        with suppress(OSError):  # on Windows a file that is mapped stays, until a later process removes it
            path.unlink(missing_ok=True)


def _disown_all() -> None:
    for path in list(_owned):
        _disown(path)


atexit.register(_disown_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_owned.clear)  # a fork uses the files, but does not remove them


def _created(folder: Path) -> tuple[int, Path]:
    """Create a file exclusively and lock it; one that another process has removed before it was locked is replaced."""
    while True:
        path = folder / f"{_host()}-{boot()[:8]}-{secrets.token_hex(8)}{SUFFIX}"
        flags = os.O_CREAT | os.O_EXCL | os.O_RDWR | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
        descriptor = os.open(path, flags, NEW_FILE)
        lock(descriptor, wait=True)
        if os.fstat(descriptor).st_nlink:
            return descriptor, path
        os.close(descriptor)


def _remove_left(folder: Path) -> None:
    """Remove the files that nobody holds, of this machine as it runs, or of an earlier start of it by its host name.

    Those of other machines are left alone: on some network file systems their locks cannot be seen from here. Where
    there are no locks, nothing is removed, except on Windows, which refuses to remove a file that is open.
    """
    for left in folder.glob(f"*{SUFFIX}"):
        host, _, rest = left.name.rpartition("-")[0].rpartition("-")
        if host != _host() and rest != boot()[:8]:
            continue
        with suppress(OSError):
            if os.name == "nt":
                left.unlink()
                continue
            with left.open("rb+") as file:
                if lock(file.fileno()) is Lock.OURS:
                    left.unlink()


def _host() -> str:
    return platform.node() or "host"
