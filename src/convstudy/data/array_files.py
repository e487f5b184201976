"""Files of arrays, .npz (NumPy) and .h5 (HDF5): only the keys that are used are read, after a check of their size.

A file may not make this program run code (pickled objects), read other files (HDF5's external storage, external links
and virtual data sets), or fill the memory.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.lib import format as npy

from convstudy.data import free_memory
from convstudy.data.signatures import is_html
from convstudy.errors import ConvstudyError, DataError, optional_module, printable

SUFFIXES = (".npz", ".h5", ".hdf5")
QUOTED = 200  # letters of another program's message
OBJECTS_ADVICE = (
    ", such as images of different sizes; store one array of numbers, or give a folder or a table of image files"
)
HEADERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}


@dataclass(frozen=True)
class StoredArray:
    """An array of a file: its shape and type, and how to read it."""

    where: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    _read: Callable[[], npt.NDArray[Any]]

    @property
    def is_float(self) -> bool:
        return self.dtype.kind == "f"

    def numbers(self, *, advice: str = OBJECTS_ADVICE) -> npt.NDArray[Any]:
        """Read an array of numbers. Raises: DataError, if it holds Python objects or does not fit into memory."""
        if self.dtype.hasobject:
            raise DataError(f"{self.where} holds Python objects{advice}")
        return self.values()

    def values(self) -> npt.NDArray[Any]:
        """Read an array. Raises: DataError, if it does not fit into memory."""
        num_bytes, free = prod(self.shape) * self.dtype.itemsize, free_memory.free_memory()
        if num_bytes > free:
            raise DataError(
                f"{self.where} takes {num_bytes / 1e9:,.1f} GB; {free / 1e9:,.1f} GB are free: store it as bytes "
                "(uint8), or give a folder of image files"
            )
        return self._read()


@dataclass(frozen=True)
class ArrayFile:
    """An open file of arrays: its keys, and the array of each, which is looked at only when it is needed."""

    path: Path
    keys: tuple[str, ...]
    _array: Callable[[str], StoredArray]

    def __getitem__(self, key: str) -> StoredArray:
        return self._array(key)


@contextmanager
def opened(path: Path) -> Iterator[ArrayFile]:
    """Open a file of arrays for the block.

    Raises: DataError, if it is none, or whatever is wrong in reading it; ToolError, if h5py is missing.
    """
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "does not exist"
        raise DataError(f"{path} {what}; expected a .npz or .h5 file of images and labels")
    with path.open("rb") as file:
        head = file.read(64)
    if not head:
        raise DataError(f"{path} is empty; expected arrays of images and labels")
    if is_html(head):
        raise DataError(f"{path} cannot be read as {path.suffix}: it is an HTML page; download it again")
    try:
        with (_npz if path.suffix.lower() == ".npz" else _hdf5)(path) as arrays:
            yield arrays
    except ConvstudyError:
        raise
    except Exception as error:  # zipfile, NumPy and HDF5 raise anything on damaged files
        problem = " ".join(str(error).split())[:QUOTED] or type(error).__name__
        raise DataError(f"{path} cannot be read as {path.suffix}: {problem}; download it again") from error


@contextmanager
def _npz(path: Path) -> Iterator[ArrayFile]:
    if not zipfile.is_zipfile(path):
        raise DataError(f"{path} cannot be read as .npz: it is not an archive, or is cut off; download it again")
    with zipfile.ZipFile(path) as archive:
        members = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}

        def stored(key: str) -> StoredArray:
            where = f"{path.name}, {printable(key)}"
            with archive.open(members[key]) as file:
                version = npy.read_magic(file)
                if version not in HEADERS:
                    raise DataError(f"{where} is stored in version {version} of NumPy's format; expected 1.0 or 2.0")
                shape, _, dtype = HEADERS[version](file)
            if not dtype.hasobject and prod(shape) * dtype.itemsize > members[key].file_size:
                raise DataError(f"{where} is shorter than its shape {shape}; download the file again")
            return StoredArray(where, shape, dtype, lambda: _npy(archive, members[key], where))

        yield ArrayFile(path, tuple(members), stored)


def _npy(archive: zipfile.ZipFile, member: zipfile.ZipInfo, where: str) -> npt.NDArray[Any]:
    with archive.open(member) as file:
        try:
            values: npt.NDArray[Any] = npy.read_array(file, allow_pickle=False)
        except ValueError as error:
            if "pickle" not in str(error):
                raise
            raise DataError(
                f"{where} holds pickled Python objects, which are not loaded; store numbers, or names as text"
            ) from error
    return values


@contextmanager
def _hdf5(path: Path) -> Iterator[ArrayFile]:
    h5py = optional_module("h5py", extra="h5", purpose=f"reading {path.name}")
    with h5py.File(path, "r") as file:
        names = {_text(key): key for key in file}

        def stored(key: str) -> StoredArray:
            where = f"{path.name}, {printable(key)}"
            found = _own(h5py, file, names[key], where)
            if not isinstance(found, h5py.Dataset):
                raise DataError(f"{where} is a group; expected an array")
            from_matlab = "MATLAB_class" in found.attrs  # MATLAB writes the axes in reverse order
            shape = found.shape[::-1] if from_matlab else found.shape
            return StoredArray(where, shape, found.dtype, lambda: found[()].T if from_matlab else found[()])

        yield ArrayFile(path, tuple(names), stored)


def _text(key: str | bytes) -> str:
    return key.decode("utf-8", "surrogateescape") if isinstance(key, bytes) else key


def _own(h5py: Any, file: Any, key: str | bytes, where: str) -> Any:
    """Return the object of a key. Raises: DataError, if its data are in another file."""
    if not isinstance(file.get(key, getlink=True), h5py.HardLink):
        raise DataError(f"{where} is a link; expected an array in the file itself: copy it with h5repack or h5py")
    found = file[key]
    if isinstance(found, h5py.Dataset) and (found.external or found.is_virtual):
        kind = "external storage" if found.external else "a virtual data set"
        raise DataError(f"{where} has its values in other files ({kind}), which are not read; store them in the file")
    return found


def text_of(names: npt.NDArray[Any], where: str) -> tuple[str, ...]:
    """Return an array of names as text. Raises: DataError, for bytes that are not UTF-8."""
    try:
        values: Sequence[Any] = names.reshape(-1).tolist()
        return tuple(value.decode() if isinstance(value, bytes) else str(value) for value in values)
    except UnicodeDecodeError as error:
        raise DataError(
            f"{where} has the name {error.object!r}, which is not UTF-8; store the names as UTF-8"
        ) from error
