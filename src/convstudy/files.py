"""Atomic file writing: a file is complete or absent, and a killed program loses nothing that was written before."""

from __future__ import annotations

import errno
import json
import os
import re
import secrets
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

DRAFTS = ".convstudy-*.part"  # pattern of the temporary files; those of killed processes remain
NEW_FILE = 0o666  # minus the umask, as the system does it for every program
DEVICES = ("/dev/", "/proc/")  # links there stand for what a process has open


@contextmanager
def whole_file(path: Path, *, keep_hard_links: bool = False, new_folder: bool = True) -> Iterator[Path]:
    """Yield a temporary file beside `path`, and move it to `path` once the block has ended without an error.

    A link at `path` is followed, and the mode of the file that is replaced is kept. What is not a regular file, such as
    `/dev/stdout` or a pipe, is written into. With `keep_hard_links`, for files that the user named, so is a file with
    several names, which a move would part. Files of a run are always moved, so that a snapshot by hard links is safe.
    Without `new_folder`, the folder has to be there, so that one which was moved away meanwhile is not made anew.

    Raises: OSError, with `path` and the system's reason, if the file cannot be written, whichever library tried. The
    previous file at `path` is then unchanged.

    >>> target = Path(tempfile.mkdtemp()) / "results.json"
    >>> with whole_file(target) as draft:
    ...     _ = draft.write_text("{}")
    >>> target.read_text()
    '{}'
    """
    there = _status(path)
    if there is not None and stat.S_ISDIR(there.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if there is not None and _written_into(path, there, keep_hard_links):
        with tempfile.TemporaryDirectory(prefix="convstudy-") as scratch:
            draft = Path(scratch) / "draft"
            draft.touch()
            with _errors_name(path, draft):
                yield draft
                _copy_into(path, draft)
        return
    target = Path(os.path.realpath(path)) if path.is_symlink() else path
    if new_folder:
        for folder in (path.parent, target.parent):
            _made(folder)
    draft = target.absolute().with_name(DRAFTS.replace("*", secrets.token_hex(8)))  # pandas takes a first `~` for home
    with _errors_name(path, draft):
        mode = _created(draft)
        try:
            yield draft
            _finish(draft, mode, there)
            draft.replace(target)
            _keep_name(target.parent)
        finally:
            with suppress(OSError):  # a file system that became read-only, for example, is reported by the block
                draft.unlink(missing_ok=True)


def _made(folder: Path) -> None:
    """Make a folder and those around it. Raises: NotADirectoryError, if one of them is a file."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError as error:
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), error.filename) from error


def _status(path: Path) -> os.stat_result | None:
    """Return the status of the file that `path` leads to, or None if there is none."""
    try:
        return path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None


def _written_into(path: Path, there: os.stat_result, keep_hard_links: bool) -> bool:
    """Return whether an existing file is written into, because moving another one to its name would replace it."""
    if not stat.S_ISREG(there.st_mode) or (keep_hard_links and there.st_nlink > 1):
        return True
    return str(path.absolute()).startswith(DEVICES) and path.is_symlink()


def _copy_into(path: Path, draft: Path) -> None:
    with draft.open("rb") as written, path.open("wb") as opened:
        shutil.copyfileobj(written, opened)
        opened.flush()
        with suppress(OSError):  # pipes and terminals cannot
            os.fsync(opened.fileno())


def _created(draft: Path) -> int:
    """Create a file that did not exist, and return the mode that the system gave it."""
    flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_NOFOLLOW", 0)
    descriptor = os.open(draft, flags, NEW_FILE)
    try:
        return stat.S_IMODE(os.fstat(descriptor).st_mode)
    finally:
        os.close(descriptor)


def _finish(draft: Path, mode: int, there: os.stat_result | None) -> None:
    """Give a draft the owner and mode of the file that it replaces, or those of a new file, and store it."""
    descriptor = os.open(draft, os.O_RDONLY if os.name == "posix" else os.O_RDWR)
    try:
        if there is not None:
            mode = stat.S_IMODE(there.st_mode)
            if hasattr(os, "chown"):
                with suppress(OSError):  # only root may give files away
                    os.chown(draft, there.st_uid, there.st_gid)
        if stat.S_IMODE(os.fstat(descriptor).st_mode) != mode:
            draft.chmod(mode)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _keep_name(folder: Path) -> None:
    """Store the names in a folder, so that a renamed file is found after a power cut."""
    with suppress(OSError):  # not every system can open or store a folder
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextmanager
def _errors_name(path: Path, draft: Path) -> Iterator[None]:
    """Let errors about the draft name the file that the user knows."""
    try:
        yield
    except Exception as error:
        number = _number_of_the_system(error, {None, str(draft), str(path)})
        if number is None:
            raise
        raise OSError(number, os.strerror(number), str(path)) from error


def _number_of_the_system(error: BaseException | None, names: set[str | None]) -> int | None:
    """Return the system's error number if an error is about writing one of these files, otherwise None."""
    while error is not None:
        if isinstance(error, OSError) and error.errno is not None:
            name = None if error.filename is None else os.fsdecode(error.filename)
            return error.errno if name in names else None
        rust = re.search(r"\(os error (\d+)\)", str(error))  # as safetensors reports it
        if rust:
            return int(rust[1])
        error = error.__cause__ or error.__context__
    return None


def write_json(path: Path, value: Any, *, new_folder: bool = True) -> None:
    """Write `value` as indented JSON, completely or not at all. NaN is refused because JSON has none."""
    with whole_file(path, new_folder=new_folder) as draft:
        draft.write_text(json.dumps(value, indent=2, allow_nan=False, ensure_ascii=False) + "\n", encoding="utf-8")
