"""Data sets in files of arrays, by the keys that people use."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from convstudy.data.array_files import ArrayFile, StoredArray, opened, text_of
from convstudy.data.file_names import class_name_of
from convstudy.data.folder import LARGEST_SIDE
from convstudy.data.groups import COLUMN
from convstudy.data.image_set import DataSet, EvaluationSet, ImageSet, names_of, numbered, together
from convstudy.data.labels import TEXT_ADVICE, check_range, decode_labels
from convstudy.data.parting import Parting
from convstudy.data.pixels import middle_squares, resize
from convstudy.data.split import check_enough
from convstudy.errors import DataError, printable
from convstudy.wording import some

# Pairs of keys for images and labels, as in NumPy and Keras files and those of the SIGNS course, in any case: `X_train`
# is `x_train`. The images of one pair go with the labels of another one of the same part.
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
GROUPS: Mapping[str, tuple[str, ...]] = {  # keys of the groups of a part's images, in any case
    "train": ("group_train", "groups_train", "train_group", "train_groups", COLUMN, "groups"),
    "validation": ("group_val", "groups_val", "group_valid", "groups_valid", "val_group", "val_groups"),
    "test": ("group_test", "groups_test", "test_group", "test_groups"),
}
CLASS_NAMES = ("list_classes", "class_names", "classes")
CHANNELS = (1, 3)  # gray, or red, green and blue
CHUNK = 4096  # images converted at a time
TOLERANCE = {1.0: 0.01, 255.0: 0.5}  # by white, how far floats may leave their range because of rounding
AMBIGUOUS = 2.0  # floats with a maximum from 1 to here could have either range
DARK = 64  # if no pixel reaches this, a note says so


@dataclass(frozen=True)
class _Pair:
    """The arrays of one part, before they are read: images and labels, and the name that ids begin with."""

    images: StoredArray
    labels: StoredArray
    name: str
    groups: StoredArray | None = None


def array_file(path: Path, *, test_data: Path | None, side: int | None, parting: Parting) -> DataSet:
    """Read a file of arrays, and a second one with the test part.

    Images are N x H x W, N x H x W x C or N x C x H x W; bytes, whole numbers from 0 to 255, or floats in 0..1 or
    0..255, of which the largest one of all parts decides. Labels are whole numbers from 0, or one-hot. Groups of images
    that depend on each other are names or whole numbers under keys such as `group` or `group_train`. Ids are an array's
    key and a row, as in `x_train/17`; in the second file `test/17`.

    Raises: DataError, if they are not, or if a key is missing; ToolError, if h5py is needed and missing.
    """
    with ExitStack() as files:
        main = files.enter_context(opened(path))
        pairs = _pairs(main)
        if pairs["train"] is None:
            raise DataError(
                f"{path} has the keys {_listed(main)}; expected images and labels such as x_train and y_train"
            )
        notes, class_names = [*_unused(main, pairs.values())], _class_names(main)
        if test_data is not None:
            second = files.enter_context(opened(test_data))
            pairs["test"] = _second(second)
            if pairs["test"] is None:
                raise DataError(f"{test_data} has the keys {_listed(second)}; expected such as x_test and y_test")
            notes += _unused(second, [pairs["test"]])
            others = _class_names(second)
            if class_names and others and class_names != others:
                raise DataError(
                    f"{test_data} has the classes {some(others)}; expected {some(class_names)}, as in {path}"
                )
            class_names = class_names or others
        parts = _read({part: pair for part, pair in pairs.items() if pair is not None})
    class_names = class_names or names_of(parts["train"].labels, path.name)
    return _data_set(path, test_data, parts, class_names, side, notes, parting)


def arrays_to_evaluate(
    path: Path, *, test_data: Path | None, side: int | None, expected: Sequence[str]
) -> EvaluationSet:
    """Read the test set of a file of arrays or of a second file or, if there is none, all images.

    Without class names in the files, labels are the numbers of the `expected` classes if these are numbers.

    Raises: as `array_file`, but no training set is needed.
    """
    with ExitStack() as files:
        main = files.enter_context(opened(path))
        second = None if test_data is None else files.enter_context(opened(test_data))
        return _to_evaluate(main, second, (), side, expected)


def _to_evaluate(
    main: ArrayFile, second: ArrayFile | None, names: tuple[str, ...], side: int | None, expected: Sequence[str]
) -> EvaluationSet:
    pairs = {part: pair for part, pair in _pairs(main).items() if pair}
    if second is not None:
        test = _second(second)
        if test is None:
            raise DataError(f"{second.path} has the keys {_listed(second)}; expected such as x_test and y_test")
        pairs["test"] = test
    if not pairs:
        raise DataError(f"{main.path} has the keys {_listed(main)}; expected images and labels such as x_test, y_test")
    is_test = "test" in pairs
    found = together(list(_read(pairs, only=("test",) if is_test else tuple(pairs)).values()))
    where = printable((main if second is None else second).path.name)
    names = names or _class_names(main) or (_class_names(second) if second else ())
    if not names:
        numbers = tuple(map(str, range(len(expected))))
        names = numbers if set(numbers) == set(expected) else names_of(found.labels, where)
    check_range(found.labels, len(names), where)
    height, width = found.images.shape[2:]
    found = found if height == width == (side or height) else _squared(found, side or min(height, width, LARGEST_SIDE))
    name = printable(main.path.stem)
    return EvaluationSet(name=name, class_names=names, images=found, is_test=is_test)


def _pairs(file: ArrayFile) -> dict[str, _Pair | None]:
    """Return the arrays of each part of a file."""
    return {part: _pair(file, keys, GROUPS[part]) for part, keys in KEYS.items()}


def _second(file: ArrayFile) -> _Pair | None:
    """Return the arrays of the test part in a file of its own."""
    return _pair(file, (*KEYS["test"], *ALONE), (*GROUPS["test"], COLUMN, "groups"), called="test")


def _pair(
    file: ArrayFile, pairs: tuple[tuple[str, str], ...], groups: Sequence[str], *, called: str | None = None
) -> _Pair | None:
    """Return the arrays of the first pair of keys that exists, otherwise images of one pair and labels of another.

    Ids are `called`, otherwise the images' key, and a row. The key says where an image is, in whichever part it ends
    up: a part that is split off has no array of its own.
    """
    spelled = {key.lower(): key for key in file.keys}
    crossed = [(images, labels) for images, _ in pairs for _, labels in pairs]
    for images, labels in (*pairs, *crossed):
        if images in spelled and labels in spelled:
            x, y = spelled[images], spelled[labels]
            group = next((file[spelled[key]] for key in groups if key in spelled), None)
            return _Pair(file[x], file[y], printable(x) if called is None else called, group)
    return None


def _unused(file: ArrayFile, pairs: Iterable[_Pair | None]) -> Iterator[str]:
    """Say which arrays are not read."""
    used = {array.where for pair in pairs if pair for array in (pair.images, pair.labels, pair.groups) if array}
    left = [key for key in file.keys if f"{file.path.name}, {printable(key)}" not in used and key not in CLASS_NAMES]
    if left:
        yield f"arrays of {printable(file.path.name)} that are not read: {printable(some(sorted(left)))}"


def _read(pairs: Mapping[str, _Pair], only: Sequence[str] | None = None) -> dict[str, ImageSet]:
    """Return all parts, or `only` some; the scale of floats is that of all parts."""
    wanted = tuple(pairs) if only is None else only
    grouped = {part: pair.groups is not None for part, pair in pairs.items()}
    if len(set(grouped.values())) > 1:
        without = next(part for part, has in grouped.items() if not has)
        raise DataError(
            f"{pairs[without].images.where} has no groups, but another part has; expected a key such as "
            f"{GROUPS[without][0]}, or groups of no part"
        )
    raw = {part: pair.images.numbers() for part, pair in pairs.items() if part in wanted or pair.images.is_float}
    where = {part: pair.images.where for part, pair in pairs.items()}
    white = white_of({where[part]: values for part, values in raw.items()})
    sets = {}
    for part in wanted:
        pair = pairs[part]
        images = as_planes(raw.pop(part), where[part], white)
        numbers = pair.labels.numbers(advice=f"; expected whole numbers from 0{TEXT_ADVICE}")
        labels = decode_labels(numbers, pair.labels.where, len(images))
        groups = () if pair.groups is None else _groups(pair.groups, len(labels))
        sets[part] = ImageSet(images, labels, numbered(pair.name, len(labels)), groups=groups)
    return sets


def _groups(stored: StoredArray, images: int) -> tuple[str, ...]:
    """Return the group of each image: a name, or a whole number. Raises: DataError, for anything else."""
    values = stored.values()
    if values.shape not in {(images,), (images, 1), (1, images)}:
        raise DataError(f"{stored.where} has the shape {values.shape}; expected the group of each of {images} images")
    if values.dtype.kind == "f" and (values == np.round(values)).all():
        values = values.astype(np.int64)
    if values.dtype.kind not in "iuSUO":
        raise DataError(f"{stored.where} has values of type {values.dtype}; expected names or whole numbers")
    names = text_of(values, stored.where)
    if not all(names):
        raise DataError(f"{stored.where} names no group of image {names.index('')}; expected a group of every image")
    return names


def _data_set(
    path: Path,
    test_data: Path | None,
    parts: Mapping[str, ImageSet],
    class_names: tuple[str, ...],
    side: int | None,
    notes: Sequence[str],
    parting: Parting,
) -> DataSet:
    parts = {part: parting.grouped(images) for part, images in parts.items()}
    train, validation, test = parts["train"], parts.get("validation"), parts.get("test")
    for part, images in parts.items():
        _check(images, train, class_names, f"{path.name}, {part}")
    check_enough(parts, class_names, path.name)
    notes = [*notes, *_darkness(parts.values())]
    train, test, of_parts = parting.parts(train, validation, test)
    notes += of_parts
    height, width = train.images.shape[2:]
    if height != width or side not in {None, height}:
        target = side or min(height, width, LARGEST_SIDE)
        cut = "" if height == width else ", center square cropped"
        notes.append(f"images of {width}x{height}: shorter side resized to {target}{cut}")
        train, test = _squared(train, target), _squared(test, target)
        validation = validation and _squared(validation, target)
    names = path.name if test_data is None else f"{path.name} and {test_data.name}"
    source = f"the arrays of {printable(names)}"
    return DataSet(printable(path.stem), source, class_names, train, validation, test, True, tuple(notes))


def _squared(images: ImageSet, side: int) -> ImageSet:
    return images.changed(resize(middle_squares(images.images), side))


def white_of(arrays: Mapping[str, npt.NDArray[Any]]) -> float:
    """Return the value that is white in all floats of a file, by the largest one of all its arrays: 1 or 255.

    Raises: DataError, if their range is ambiguous, or is neither.

    >>> white_of({"x_train": np.array([0.0, 1.0000001]), "x_test": np.array([0.5])})
    1.0
    """
    ranges = {
        where: (float(values.min(initial=np.inf)), float(values.max(initial=-np.inf)))
        for where, values in arrays.items()
        if values.dtype.kind == "f" and values.size
    }
    if not ranges:
        return 255.0
    for where, extremes in ranges.items():
        if not np.isfinite(extremes).all():
            raise DataError(f"{where} has values that are not finite (nan or inf); expected 0 to 255, or 0 to 1")
    highest = max(ranges, key=lambda where: ranges[where][1])
    high = ranges[highest][1]
    white = 1.0 if high <= 1 + TOLERANCE[1.0] else 255.0
    if white > 1 and high < AMBIGUOUS:
        raise DataError(
            f"{highest} has values up to {high:g}; expected 0 to 1, or 0 to 255: divide the images of all splits by "
            "the value of white"
        )
    for where, (lower, upper) in ranges.items():
        if not (lower >= -TOLERANCE[white] and upper <= white + TOLERANCE[white]):
            advice = ": (x + 1) / 2 turns -1..1 into 0..1" if white == 1 and lower >= -1 - TOLERANCE[1.0] else ""
            raise DataError(f"{where} has values from {lower:g} to {upper:g}; expected 0 to 255, or 0 to 1{advice}")
    for where, (_, upper) in ranges.items():
        if white > 1 and 0 < upper <= 1 + TOLERANCE[1.0] and _has_fractions(arrays[where]):
            raise DataError(
                f"{where} has values up to {upper:g}, but {highest} up to {high:g}; expected one scale for all splits: "
                "0 to 255, or 0 to 1"
            )
    return white


def _darkness(sets: Iterable[ImageSet]) -> Iterator[str]:
    """Say so if no image is bright, because white may be another value than 255."""
    high = max(int(images.images.max()) for images in sets)
    if 0 < high < DARK:
        yield f"no pixel is above {high} of 255; if {high} is white, multiply the images by {255 / high:g}"


def _has_fractions(values: npt.NDArray[Any]) -> bool:
    return any((values[start : start + CHUNK] % 1 > 0).any() for start in range(0, len(values), CHUNK))


def as_planes(images: npt.NDArray[Any], where: str, white: float) -> npt.NDArray[np.uint8]:
    """Convert N x H x W, N x H x W x C or N x C x H x W numbers to N x C x H x W bytes; `white` is that of floats.

    Raises: DataError, for everything else.

    >>> as_planes(np.ones((2, 8, 8, 3)), "x", 1.0).shape, int(as_planes(np.ones((2, 8, 8)), "x", 1.0).max())
    ((2, 3, 8, 8), 255)
    """
    shape = images.shape
    if images.ndim == 3:
        images = images[:, None]
    elif images.ndim == 4 and images.shape[3] in CHANNELS and images.shape[1] not in CHANNELS:
        images = images.transpose(0, 3, 1, 2)
    if images.ndim != 4 or images.shape[1] not in CHANNELS or 0 in images.shape:
        raise DataError(
            f"{where} has the shape {shape}; expected images x height x width (x 1 or 3 channels){_reshaping(shape)}"
        )
    return np.ascontiguousarray(_bytes(images, where, white))


def _reshaping(shape: tuple[int, ...]) -> str:
    """Suggest a shape for images that are stored as rows, if they can be squares.

    >>> _reshaping((100, 784)), _reshaping((100, 3072)), _reshaping((100, 7))
    ('; reshape it to (100, 28, 28)', '; reshape it to (100, 3, 32, 32) or (100, 32, 32, 3)', '')
    """
    if len(shape) != 2 or not shape[1]:
        return ""
    for channels in CHANNELS:
        side = math.isqrt(shape[1] // channels)
        if side > 1 and channels * side * side == shape[1]:
            gray, first, last = (
                (shape[0], side, side),
                (shape[0], channels, side, side),
                (shape[0], side, side, channels),
            )
            return f"; reshape it to {gray}" if channels == 1 else f"; reshape it to {first} or {last}"
    return ""


def _bytes(images: npt.NDArray[Any], where: str, white: float) -> npt.NDArray[np.uint8]:
    if images.dtype == np.uint8:
        return images
    if images.dtype.kind not in "biuf":
        raise DataError(f"{where} has values of type {images.dtype}; expected numbers from 0 to 255, or from 0 to 1")
    if images.dtype.kind in "iu" and not (images.min() >= 0 and images.max() <= 255):
        raise DataError(
            f"{where} has values from {images.min()} to {images.max()}; expected 0 to 255: scale them, or store "
            "floats in 0..1"
        )
    scale = np.float32(255 / white if images.dtype.kind == "f" else 255 if images.dtype.kind == "b" else 1)
    converted = np.empty(images.shape, np.uint8)
    for start in range(0, len(images), CHUNK):
        converted[start : start + CHUNK] = np.clip(np.round(images[start : start + CHUNK] * scale), 0, 255)
    return converted


def _check(images: ImageSet, train: ImageSet, class_names: tuple[str, ...], where: str) -> None:
    check_range(images.labels, len(class_names), where)
    if images.images.shape[1:] != train.images.shape[1:]:
        raise DataError(
            f"{where} has images of {images.images.shape[1:]}; expected {train.images.shape[1:]}, as in train"
        )
    absent = sorted(set(range(len(class_names))) - set(images.labels.tolist()))
    if absent:
        names = some(f"'{class_names[label]}'" for label in absent)
        first = int(images.labels.min())
        no_gaps = images is train and len(class_names) > len(set(images.labels.tolist()))
        advice = "; give names or numbers to the classes that have images only" if no_gaps else ""
        advice = f"; the labels begin at {first}: subtract it from all of them" if absent[0] == 0 else advice
        raise DataError(f"{where} has no image of class {names}; expected all {len(class_names)} classes{advice}")
    if len(class_names) < 2:
        raise DataError(f"{where} has one class; expected two or more")


def _class_names(file: ArrayFile) -> tuple[str, ...]:
    for key in CLASS_NAMES:
        if key in file.keys:
            return distinct(tuple(map(class_name_of, text_of(file[key].values(), file[key].where))), file[key].where)
    return ()


def distinct(names: tuple[str, ...], where: str) -> tuple[str, ...]:
    """Return class names. Raises: DataError, if two classes have the same name."""
    double = sorted({name for name in names if names.count(name) > 1})
    if double:
        raise DataError(f"{where} has {some(double)} more than once; expected one name per class")
    return names


def _listed(file: ArrayFile) -> str:
    return printable(some(sorted(file.keys))) or "none"


def memory_to_evaluate(
    arrays: Mapping[str, npt.NDArray[Any]],
    name: str,
    class_names: tuple[str, ...],
    side: int | None,
    expected: Sequence[str],
) -> EvaluationSet:
    """Return the test set of arrays that are in memory or, without one, all images. Raises: as `arrays_to_evaluate`."""
    return _to_evaluate(_in_memory(arrays, name), None, class_names, side, expected)


def _in_memory(arrays: Mapping[str, npt.NDArray[Any]], name: str) -> ArrayFile:
    def stored(key: str) -> StoredArray:
        return StoredArray(f"{name}, {key}", arrays[key].shape, arrays[key].dtype, lambda: arrays[key])

    return ArrayFile(Path(name), tuple(arrays), stored)


def arrays_in_memory(
    arrays: Mapping[str, npt.NDArray[Any]],
    name: str,
    class_names: tuple[str, ...],
    side: int | None,
    parting: Parting,
) -> DataSet:
    """Return the data set of arrays that are in memory, by the keys of a file of arrays.

    Raises: as `array_file`.
    """
    file = _in_memory(arrays, name)
    pairs = _pairs(file)
    if pairs["train"] is None:
        raise DataError(f"the data have the arrays {_listed(file)}; expected those of a training set")
    parts = _read({part: pair for part, pair in pairs.items() if pair is not None})
    names = class_names or names_of(parts["train"].labels, name)
    return _data_set(file.path, None, parts, names, side, (), parting)
