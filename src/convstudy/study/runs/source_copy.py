"""A run's copy of the user's file that defines its network: a Python file or a layer table."""

from __future__ import annotations

import hashlib
from pathlib import Path

from convstudy.files import whole_file
from convstudy.processes import first
from convstudy.study.models.opening import partition_weights


def source_file(name: str) -> Path | None:
    """Return the user's file that a network's name refers to, or None.

    >>> [str(source_file(name)) for name in ("mine.py:Net@w.pth", "table:homework.tsv", "resnet18")]
    ['mine.py', 'homework.tsv', 'None']
    """
    if name.startswith("table:"):
        return Path(name.removeprefix("table:"))
    where = partition_weights(name)[0].rpartition(":")[0]
    return Path(where) if where.endswith(".py") else None


def copy_of(name: str, folder: Path) -> Path | None:
    """Return the path of the copy in a run's folder; None if the name refers to no file of the user."""
    source = source_file(name)
    return source and folder / f"model{source.suffix}"


def keep_source(name: str, folder: Path) -> None:
    """Copy the file that a network's name refers to into a run's folder, unless a copy exists.

    If several processes train together, the first one copies.
    """
    source, copy = source_file(name), copy_of(name, folder)
    if source is None or copy is None:
        return

    def write() -> None:
        if not copy.exists():
            with whole_file(copy, new_folder=False) as draft:
                draft.write_bytes(source.read_bytes())

    first(write)


def usable_name(name: str, folder: Path, code: str) -> str:
    """Return the network's name or, if its file has changed or no longer exists, the name that opens the run's copy.

    `code` begins with the sha256 that the file had when the run was trained; that of weights may follow.
    """
    source, copy = source_file(name), copy_of(name, folder)
    if source is None or copy is None or not copy.exists() or _sha256(source) == code.partition("+")[0]:
        return name
    return f"table:{copy}" if name.startswith("table:") else f"{copy}:{name.rpartition(':')[2]}"


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
