"""The cache folder: files that are made again when they are lost, so that it may be deleted at any time."""

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
    """Where the environment variable CONVSTUDY_CACHE says, else the platform's place, as ~/.cache/convstudy."""
    from platformdirs import user_cache_path

    return Path(os.environ[VARIABLE]) if os.environ.get(VARIABLE) else user_cache_path("convstudy")


@contextmanager
def room_for(what: str, advice: str = "") -> Iterator[Path]:
    """The cache folder, to write to. Raises: DataError, when that fails: the disk is full, or read-only."""
    folder = cache_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield folder
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise DataError(
            f"{what} cannot be kept in {folder}: {reason}; name another folder by {VARIABLE}{advice}"
        ) from error


@contextmanager
def room_for_pixels(num_bytes: int) -> Iterator[Path]:
    """The same, for decoded images."""
    what = f"the decoded images need {num_bytes / 1e9:.2g} GB, more than a quarter of the free memory, and"
    with room_for(what, ", or ask for smaller images by --resize") as folder:
        yield folder


def scratch_file() -> Path:
    """The name of a new file that is removed when this process ends; those of processes that were killed go first."""
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
    """Remove a file, unless it is still mapped where that keeps it (Windows): then a later process removes it."""
    with suppress(OSError):
        path.unlink(missing_ok=True)
