"""Version of the code that affects results: the package version and a hash of the sources that runs depend on."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.metadata import version
from pathlib import Path

PACKAGE = Path(__file__).parents[2]
DECIDING = (  # all code that reads and splits data, builds, trains and tests; not what counts, compares or draws
    "__init__.py",
    "claims",
    "ctrl_c.py",
    "data",
    "errors.py",
    "file_lock.py",
    "files.py",
    "freed_memory.py",
    "inference",
    "processes.py",
    "shared_memory.py",
    "study/__init__.py",
    "study/models",
    "study/runs",
    "training",
    "wording.py",
    "zoo",
)


def code_version() -> dict[str, str]:
    """Return the package version and the hash of the deciding sources, for a study's identity and a run's record."""
    return {"convstudy": version("convstudy"), "sources": sources_hash()}


@cache
def sources_hash() -> str:
    """Return the first twelve hexadecimal digits of the sha256 of the deciding sources; line endings do not matter."""
    whole = hashlib.sha256()
    for path in deciding_sources():
        whole.update(f"{path.relative_to(PACKAGE).as_posix()}\0".encode())
        whole.update(path.read_bytes().replace(b"\r\n", b"\n") + b"\0")
    return whole.hexdigest()[:12]


def deciding_sources() -> list[Path]:
    """Return the Python files of DECIDING, sorted by path."""
    chosen = [PACKAGE / name for name in DECIDING]
    files = {file for path in chosen for file in (path.rglob("*.py") if path.is_dir() else [path])}
    return sorted(files, key=lambda path: path.relative_to(PACKAGE).as_posix())
