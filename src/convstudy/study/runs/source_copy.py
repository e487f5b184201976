"""A run's own copy of the user's file that its network is made from: a Python file, or a layer table."""

from __future__ import annotations

import hashlib
from pathlib import Path

from convstudy.files import whole_file
from convstudy.processes import first


def source_file(name: str) -> Path | None:
    """The file behind a network's name; None where it is made from none of the user's.

    >>> [str(source_file(name)) for name in ("mine.py:Net", "table:homework.tsv", "resnet18")]
    ['mine.py', 'homework.tsv', 'None']
    """
    if name.startswith("table:"):
        return Path(name.removeprefix("table:"))
    where = name.rpartition(":")[0]
    return Path(where) if where.endswith(".py") else None


def copy_of(name: str, folder: Path) -> Path | None:
    """Where a run's folder keeps the file behind a network's name."""
    source = source_file(name)
    return source and folder / f"model{source.suffix}"


def keep_source(name: str, folder: Path) -> None:
    """Copy the file behind a network's name into a run's folder, unless it is there; the first process does it."""
    source, copy = source_file(name), copy_of(name, folder)
    if source is None or copy is None:
        return

    def write() -> None:
        if not copy.exists():
            with whole_file(copy) as draft:
                draft.write_bytes(source.read_bytes())

    first(write)


def usable_name(name: str, folder: Path, code: str) -> str:
    """The network's name, or where its file has changed or is gone, that of the run's copy; `code` is its sha256."""
    source, copy = source_file(name), copy_of(name, folder)
    if source is None or copy is None or not copy.exists() or _sha256(source) == code:
        return name
    return f"table:{copy}" if name.startswith("table:") else f"{copy}:{name.rpartition(':')[2]}"


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
