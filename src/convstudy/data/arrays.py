"""Files of arrays: .npz (NumPy) and .h5 (HDF5), by the keys that people use."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from convstudy.data.image_set import DataSet, ImageSet, names_of, numbered
from convstudy.data.labels import check_range, decode_labels
from convstudy.data.pixels import resize
from convstudy.data.split import TEST_FRACTION, split_test
from convstudy.errors import DataError

Arrays = Mapping[str, npt.NDArray[Any]]

# Pairs of keys for images and labels, as NumPy and Keras files, and those of the SIGNS course, name them.
KEYS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "train": (
        ("x_train", "y_train"),
        ("train_set_x", "train_set_y"),
        ("train_images", "train_labels"),
        ("images", "labels"),
        ("x", "y"),
        ("X", "y"),
    ),
    "validation": (
        ("x_val", "y_val"),
        ("x_valid", "y_valid"),
        ("val_set_x", "val_set_y"),
        ("val_images", "val_labels"),
    ),
    "test": (("x_test", "y_test"), ("test_set_x", "test_set_y"), ("test_images", "test_labels")),
}
ALONE = (("images", "labels"), ("x", "y"), ("X", "y"))  # keys of a file that holds one part only
CLASS_NAMES = ("list_classes", "class_names", "classes")
CHANNELS = (1, 3)  # grey, or red, green and blue
SUFFIXES = (".npz", ".h5", ".hdf5")


def array_file(path: Path, *, test_data: Path | None, side: int | None) -> DataSet:
    """Read a file of arrays, and a second one with the test part.

    Images are N x H x W, N x H x W x C or N x C x H x W; of bytes, or of floats in 0..1 or 0..255. Labels are whole
    numbers from 0, or one-hot. Raises: DataError, when they are not, or when a key is missing.
    """
    arrays = read_arrays(path)
    parts = {part: _part(arrays, keys, path, part) for part, keys in KEYS.items()}
    train = parts["train"]
    if train is None:
        raise DataError(
            f"{path} has the keys {_listed(arrays)}; expected images and labels such as x_train and y_train"
        )
    test_arrays: Arrays = {}
    if test_data is not None:
        test_arrays = read_arrays(test_data)
        parts["test"] = _part(test_arrays, (*KEYS["test"], *ALONE), test_data, "test")
        if parts["test"] is None:
            raise DataError(f"{test_data} has the keys {_listed(test_arrays)}; expected such as x_test and y_test")
    class_names = _class_names(arrays) or _class_names(test_arrays) or names_of(train.labels)
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
    notes = []
    if test is None:
        train, test = split_test(train)
        notes.append(f"no test part: {TEST_FRACTION:.0%} split off, stratified, the same for every seed")
    for part, images in (("train", train), ("validation", validation), ("test", test)):
        if images is not None:
            _check(images, train, class_names, f"{path.name}, {part}")
    if side is not None or train.images.shape[2] != train.images.shape[3]:
        side = side or min(train.images.shape[2:])
        notes.append(f"images of {train.images.shape[2]}x{train.images.shape[3]} resized to {side}x{side}")
        train, validation, test = (_resized(images, side) for images in (train, validation, test))
    names = path.name if test_data is None else f"{path.name} and {test_data.name}"
    assert train is not None
    assert test is not None
    return DataSet(path.stem, f"the arrays of {names}", class_names, train, validation, test, True, tuple(notes))


def _resized(images: ImageSet | None, side: int) -> ImageSet | None:
    return images and ImageSet(resize(images.images, side), images.labels, images.ids)


def read_arrays(path: Path) -> Arrays:
    """All arrays of a file. Raises: DataError, when it is not one; pickled objects are not loaded."""
    import h5py

    try:
        if not path.stat().st_size:
            raise DataError(f"{path} is empty; expected arrays of images and labels")
        if path.suffix == ".npz":
            with np.load(path, allow_pickle=False) as stored:
                return {key: stored[key] for key in stored.files}
        with h5py.File(path, "r") as stored:
            return {key: stored[key][()] for key in stored if isinstance(stored[key], h5py.Dataset)}
    except (OSError, ValueError, EOFError) as error:
        if not path.exists():
            raise DataError(f"{path} is not there; expected a .npz or .h5 file of images and labels") from error
        with path.open("rb") as file:
            html = file.read(64).lstrip().lower().startswith((b"<!doctype", b"<html"))
        what = "it is an HTML page" if html else " ".join(str(error).split())
        raise DataError(f"{path} cannot be read as {path.suffix}: {what}; fetch it again") from error


def _part(arrays: Arrays, pairs: tuple[tuple[str, str], ...], path: Path, part: str) -> ImageSet | None:
    for images_key, labels_key in pairs:
        if images_key in arrays and labels_key in arrays:
            images = as_planes(np.asarray(arrays[images_key]), f"{path.name}, {images_key}")
            labels = decode_labels(np.asarray(arrays[labels_key]), f"{path.name}, {labels_key}", len(images))
            return ImageSet(images, labels, numbered(part, len(labels)))
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
    scale = 255 if images.dtype.kind == "f" and high <= 1 else 1
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
            f"{where} has no image of class '{class_names[absent[0]]}'; expected images of all {len(class_names)}"
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
