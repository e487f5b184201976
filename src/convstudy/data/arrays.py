"""Files of arrays: .npz (NumPy) and .h5 (HDF5), by the keys that people use."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from convstudy.data.folder import LARGEST_SIDE
from convstudy.data.image_set import DataSet, ImageSet, names_of, numbered
from convstudy.data.labels import check_range, decode_labels
from convstudy.data.pixels import middle_squares, resize
from convstudy.data.signatures import is_html
from convstudy.data.split import TEST_NOTE, check_enough, split_test
from convstudy.errors import DataError

Arrays = Mapping[str, npt.NDArray[Any]]

# Pairs of keys for images and labels, as NumPy and Keras files, and those of the SIGNS course, name them; in any case
# of letters: `X_train` is `x_train`.
KEYS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "train": (
        ("x_train", "y_train"),
        ("train_set_x", "train_set_y"),
        ("train_images", "train_labels"),
        ("images", "labels"),
        ("x", "y"),
    ),
    "validation": (
        ("x_val", "y_val"),
        ("x_valid", "y_valid"),
        ("val_set_x", "val_set_y"),
        ("val_images", "val_labels"),
    ),
    "test": (("x_test", "y_test"), ("test_set_x", "test_set_y"), ("test_images", "test_labels")),
}
ALONE = (("images", "labels"), ("x", "y"))  # keys of a file that holds one part only
CLASS_NAMES = ("list_classes", "class_names", "classes")
CHANNELS = (1, 3)  # grey, or red, green and blue
SUFFIXES = (".npz", ".h5", ".hdf5")


def array_file(path: Path, *, test_data: Path | None, side: int | None) -> DataSet:
    """Read a file of arrays, and a second one with the test part.

    Images are N x H x W, N x H x W x C or N x C x H x W; of bytes, or of floats in 0..1 or 0..255. Labels are whole
    numbers from 0, or one-hot. Ids are an array's key and a row of it, as in `x_train/17`; of the second file
    `test/17`.

    Raises: DataError, when they are not, or when a key is missing.
    """
    arrays = read_arrays(path)
    parts = {part: _part(arrays, keys, path) for part, keys in KEYS.items()}
    train = parts["train"]
    if train is None:
        raise DataError(
            f"{path} has the keys {_listed(arrays)}; expected images and labels such as x_train and y_train"
        )
    test_arrays: Arrays = {}
    if test_data is not None:
        test_arrays = read_arrays(test_data)
        parts["test"] = _part(test_arrays, (*KEYS["test"], *ALONE), test_data, called="test")
        if parts["test"] is None:
            raise DataError(f"{test_data} has the keys {_listed(test_arrays)}; expected such as x_test and y_test")
    class_names, others = _class_names(arrays), _class_names(test_arrays)
    if class_names and others and class_names != others:
        raise DataError(f"{test_data} has the classes {_few(others)}; expected {_few(class_names)}, as in {path}")
    class_names = class_names or others or names_of(train.labels, path.name)
    return _data_set(path, test_data, parts, class_names, side)


def _data_set(
    path: Path,
    test_data: Path | None,
    parts: Mapping[str, ImageSet | None],
    class_names: tuple[str, ...],
    side: int | None,
) -> DataSet:
    train, validation, test = parts["train"], parts["validation"], parts["test"]
    assert train is not None
    for part, images in parts.items():
        if images is not None:
            _check(images, train, class_names, f"{path.name}, {part}")
    check_enough(parts, class_names, path.name)
    notes = []
    if test is None:
        train, test = split_test(train)
        notes.append(TEST_NOTE)
    height, width = train.images.shape[2:]
    if height != width or side not in {None, height}:
        target = side or min(height, width, LARGEST_SIDE)
        cut = "" if height == width else ", middle square cut out"
        notes.append(f"images of {width}x{height}: shorter side resized to {target}{cut}")
        train, validation, test = (_squared(images, target) for images in (train, validation, test))
    names = path.name if test_data is None else f"{path.name} and {test_data.name}"
    assert train is not None
    assert test is not None
    return DataSet(path.stem, f"the arrays of {names}", class_names, train, validation, test, True, tuple(notes))


def _squared(images: ImageSet | None, side: int) -> ImageSet | None:
    return images and replace(images, images=resize(middle_squares(images.images), side))


def read_arrays(path: Path) -> Arrays:
    """All arrays of a file. Raises: DataError, when it is not one; pickled objects are not loaded."""
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "is not there"
        raise DataError(f"{path} {what}; expected a .npz or .h5 file of images and labels")
    try:
        return _read(path)
    except DataError:
        raise
    except Exception as error:  # zipfile, NumPy and HDF5 raise anything on torn files
        problem = " ".join(str(error).split()) or type(error).__name__
        raise DataError(f"{path} cannot be read as {path.suffix}: {problem}; fetch it again") from error


def _read(path: Path) -> Arrays:
    with path.open("rb") as file:
        head = file.read(64)
    if not head:
        raise DataError(f"{path} is empty; expected arrays of images and labels")
    if is_html(head):
        raise DataError(f"{path} cannot be read as {path.suffix}: it is an HTML page; fetch it again")
    return _npz(path) if path.suffix.lower() == ".npz" else _hdf5(path)


def _npz(path: Path) -> Arrays:
    if not zipfile.is_zipfile(path):
        raise DataError(f"{path} cannot be read as .npz: it is no archive, or is cut off; fetch it again")
    with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
        return {key: stored[key] for key in stored.files}


def _hdf5(path: Path) -> Arrays:
    import h5py

    with h5py.File(path, "r") as stored:
        return {key: stored[key][()] for key in stored if isinstance(stored[key], h5py.Dataset)}


def _part(
    arrays: Arrays, pairs: tuple[tuple[str, str], ...], path: Path, *, called: str | None = None
) -> ImageSet | None:
    """The images and labels of the first pair of keys that is there; ids are `called`, else the images' key, and a row.

    The key says where an image lies, in whichever part it ends up: a part that is split off has no array of its own.
    """
    spelled = {key.lower(): key for key in arrays}
    for images_key, labels_key in pairs:
        if images_key in spelled and labels_key in spelled:
            x, y = spelled[images_key], spelled[labels_key]
            images = as_planes(np.asarray(arrays[x]), f"{path.name}, {x}")
            labels = decode_labels(np.asarray(arrays[y]), f"{path.name}, {y}", len(images))
            return ImageSet(images, labels, numbered(x if called is None else called, len(labels)))
    return None


def as_planes(images: npt.NDArray[Any], where: str) -> npt.NDArray[np.uint8]:
    """N x H x W, N x H x W x C or N x C x H x W numbers as N x C x H x W bytes. Raises: DataError, for anything else.

    >>> as_planes(np.ones((2, 8, 8, 3)), "x").shape, int(as_planes(np.ones((2, 8, 8)), "x").max())
    ((2, 3, 8, 8), 255)
    """
    shape = images.shape
    if images.ndim == 3:
        images = images[:, None]
    elif images.ndim == 4 and images.shape[3] in CHANNELS and images.shape[1] not in CHANNELS:
        images = images.transpose(0, 3, 1, 2)
    if images.ndim != 4 or images.shape[1] not in CHANNELS or 0 in images.shape:
        raise DataError(f"{where} has the shape {shape}; expected images x height x width (x 1 or 3 channels)")
    return np.ascontiguousarray(_bytes(images, where))


def _bytes(images: npt.NDArray[Any], where: str) -> npt.NDArray[np.uint8]:
    if images.dtype == np.uint8:
        return images
    if images.dtype.kind not in "biuf":
        raise DataError(f"{where} has values of type {images.dtype}; expected numbers from 0 to 255, or from 0 to 1")
    low, high = float(images.min()), float(images.max())
    if not (low >= 0 and high <= 255):
        raise DataError(f"{where} has values from {low:g} to {high:g}; expected 0 to 255, or 0 to 1")
    scale = np.float32(255 if images.dtype.kind in "bf" and high <= 1 else 1)
    return np.round(images * scale).astype(np.uint8)


def _check(images: ImageSet, train: ImageSet, class_names: tuple[str, ...], where: str) -> None:
    check_range(images.labels, len(class_names), where)
    if images.images.shape[1:] != train.images.shape[1:]:
        raise DataError(
            f"{where} has images of {images.images.shape[1:]}; expected {train.images.shape[1:]}, as in train"
        )
    absent = sorted(set(range(len(class_names))) - set(images.labels.tolist()))
    if absent:
        raise DataError(
            f"{where} has no image of class '{class_names[absent[0]]}'; expected all {len(class_names)} classes"
        )
    if len(class_names) < 2:
        raise DataError(f"{where} has one class; expected two or more")


def _class_names(arrays: Arrays) -> tuple[str, ...]:
    for key in CLASS_NAMES:
        if key in arrays:
            return tuple(
                name.decode() if isinstance(name, bytes) else str(name) for name in arrays[key].reshape(-1).tolist()
            )
    return ()


def _listed(arrays: Arrays) -> str:
    return ", ".join(sorted(arrays)) or "none"


def _few(names: tuple[str, ...]) -> str:
    return ", ".join(names[:10]) + (", ..." if len(names) > 10 else "")


def arrays_in_memory(arrays: Arrays, name: str, class_names: tuple[str, ...], side: int | None) -> DataSet:
    """Return the data set of arrays that are in memory, by the keys of a file of arrays.

    Raises: as `array_file`.
    """
    where = Path(name)
    parts = {part: _part(arrays, keys, where) for part, keys in KEYS.items()}
    train = parts["train"]
    if train is None:
        raise DataError(f"the data have the arrays {_listed(arrays)}; expected those of a training part")
    return _data_set(where, None, parts, class_names or names_of(train.labels, name), side)
