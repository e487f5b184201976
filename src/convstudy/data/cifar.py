"""CIFAR's Python files, read as torchvision reads them, without its import of more than a second."""

from __future__ import annotations

import hashlib
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from convstudy.data.torchvision_sets import CifarFiles
from convstudy.shared_memory import new_array

Parts = dict[str, tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]]


def has_cifar(root: Path, files: CifarFiles) -> bool:
    """Return whether all files are there as they were published; others are not opened, since pickles run code."""
    published = {**files.parts["train"], **files.parts["test"], files.meta[0]: files.meta[1]}
    return all(_md5(root / files.folder / name) == md5 for name, md5 in published.items())


def read_cifar(root: Path, files: CifarFiles) -> tuple[Parts, tuple[str, ...]]:
    """Return images, N x 3 x 32 x 32, and labels of the training and the test set, and the class names."""
    found: Parts = {}
    for part, names in files.parts.items():
        count = files.images[part]
        images, labels = new_array((count, 3, 32, 32)), np.empty(count, np.int64)
        start = 0
        for name in names:
            entry = _unpickled(root / files.folder / name)
            end = start + len(entry["data"])
            images[start:end] = entry["data"].reshape(-1, 3, 32, 32)
            labels[start:end] = entry[files.labels]
            start = end
            del entry  # before the next one is read
        found[part] = images, labels
    return found, tuple(map(_text, _unpickled(root / files.folder / files.meta[0])[files.class_names]))


def _md5(path: Path) -> str | None:
    if not path.is_file():
        return None
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def _unpickled(path: Path) -> dict[str, Any]:
    """Return the content of a file of Python 2, whose strings stay bytes: as text, the pixels would be copied twice."""
    with path.open("rb") as file:
        content: dict[str | bytes, Any] = pickle.load(file, encoding="bytes")
    return {_text(key): value for key, value in content.items()}


def _text(name: str | bytes) -> str:
    return name if isinstance(name, str) else name.decode("latin1")
