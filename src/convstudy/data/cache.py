"""The cache folder: its files are recreated when they are lost, so it may be deleted at any time."""

from __future__ import annotations

import atexit
import itertools
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from convstudy.errors import DataError

VARIABLE = "CONVSTUDY_CACHE"
_numbers = itertools.count()


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


def scratch_file() -> Path:
    """Return the path of a new file that is removed when this process ends.

    Files that killed processes have left are removed first.
    """
    import psutil

    folder = cache_folder() / "scratch"
    folder.mkdir(parents=True, exist_ok=True)
    host = platform.node() or "host"
    for left in folder.glob(f"{host}-*.bytes"):
        process = left.stem.removeprefix(f"{host}-").partition("-")[0]
        if process.isdecimal() and not psutil.pid_exists(int(process)):
            _remove(left)
    path = folder / f"{host}-{os.getpid()}-{next(_numbers)}.bytes"
    atexit.register(_remove, path)
    return path


def _remove(path: Path) -> None:
    """Remove a file; if it is still mapped and that prevents it (Windows), a later process removes it."""
    with suppress(OSError):
        path.unlink(missing_ok=True)
