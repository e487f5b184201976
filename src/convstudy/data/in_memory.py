"""Data given as objects: arrays, torch data sets and data sets of the library `datasets`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from convstudy.data.arrays import arrays_in_memory, distinct, memory_to_evaluate
from convstudy.data.hugging_face import hugging_face_object, hugging_face_object_to_evaluate
from convstudy.data.image_set import DataSet, EvaluationSet, at_side, to_evaluate
from convstudy.data.labels import TEXT_ADVICE
from convstudy.data.parting import Parting
from convstudy.data.sources import completed, load, load_to_evaluate
from convstudy.data.split import TEST_NOTE
from convstudy.errors import DataError

NAME = "arrays"
EXPECTED = (
    "expected a name or a path, (images, labels), a mapping of splits such as {'train': ..., 'test': ...}, a torch "
    "Dataset of (image, label), or a data set of `datasets`"
)


def load_given(
    data: Any,
    *,
    name: str = NAME,
    class_names: Sequence[str] = (),
    side: int | None = None,
    train_images: int | None = None,
    group_by: str | None = None,
    folds: int | None = None,
    **of_source: Any,
) -> DataSet:
    """Return a data set from whatever is at hand.

    `data` is a name or a path, as `load` takes it; images and labels, as `.npz` files hold them (arrays or tensors, of
    bytes, or of floats in 0..1 or 0..255); a mapping of the parts `train`, `validation` and `test`, each of the kinds
    that follow; a torch `Dataset` whose items are an image (PIL, array or tensor) and a label; a `datasets.Dataset` or
    `DatasetDict`; or a data set that is loaded already. Without a test part one is split off, as for files.

    Raises: as `load`; DataError, for anything else, or images that differ in size.

    >>> images, labels = np.zeros((40, 8, 8), np.uint8), np.arange(40) % 2
    >>> data = load_given((images + labels[:, None, None].astype(np.uint8), labels))
    >>> data.name, data.num_classes, len(data.train), len(data.test)
    ('arrays', 2, 30, 10)
    """
    parting = Parting(train_images=train_images, group_by=group_by, whole=folds is not None)
    if isinstance(data, DataSet):
        return data if side is None else at_side(data, side)
    if isinstance(data, str | Path):
        return load(str(data), side=side, parting=parting, **of_source)
    if type(data).__module__.partition(".")[0] == "datasets":
        found = hugging_face_object(data, side=side, parting=parting)
    else:
        names = distinct(tuple(class_names), "class_names") or _class_names(data)
        found = arrays_in_memory(_arrays(data), name, names, side, parting)
    return completed(replace(found, named=False), train_images)


def given_to_evaluate(
    data: Any,
    *,
    expected: Sequence[str],
    name: str = NAME,
    class_names: Sequence[str] = (),
    side: int | None = None,
    **of_source: Any,
) -> EvaluationSet:
    """Return the images on which a network with the `expected` classes is evaluated, from whatever is at hand.

    `data` is of the kinds that `load_given` takes; a test set alone is enough. Without a test set, all images are used.

    Raises: as `load_given`.
    """
    if data is None or isinstance(data, str | Path):
        words = None if data is None else str(data)
        return load_to_evaluate(words, expected=expected, side=side, **of_source)
    if isinstance(data, DataSet):
        return to_evaluate(data if side is None else at_side(data, side), is_test=TEST_NOTE not in data.notes)
    if type(data).__module__.partition(".")[0] == "datasets":
        return hugging_face_object_to_evaluate(data, side=side)
    names = distinct(tuple(class_names), "class_names") or _class_names(data)
    return memory_to_evaluate(_arrays(data), name, names, side, expected)


def _arrays(data: Any) -> dict[str, npt.NDArray[Any]]:
    """Return the arrays that a file of arrays would hold, by their usual keys."""
    if isinstance(data, Mapping):
        return {key: value for part, given in data.items() for key, value in _part(str(part), given).items()}
    return _part("train", data)


def _part(part: str, given: Any) -> dict[str, npt.NDArray[Any]]:
    if part not in {"train", "validation", "val", "test"}:
        raise DataError(f"the data have a split '{part}'; expected train, validation and test")
    images, labels = _pair(given) if _is_pair(given) else _items(given)
    short = {"validation": "val"}.get(part, part)
    return {f"x_{short}": _array(images), f"y_{short}": _array(labels)}


def _is_pair(given: Any) -> bool:
    """Return whether this is (images, labels), and not two items of a data set."""
    return isinstance(given, tuple | list) and len(given) == 2 and not isinstance(given[0], tuple)


def _pair(given: Sequence[Any]) -> tuple[Any, Any]:
    return given[0], given[1]


def _items(given: Any) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Return the images and labels of a torch data set, item by item."""
    of_columns = hasattr(given, "columns")  # a table, whose items are columns
    if not (hasattr(given, "__getitem__") and hasattr(given, "__len__")) or isinstance(given, np.ndarray) or of_columns:
        raise DataError(f"the data are of type {type(given).__name__}; {EXPECTED}")
    items = [given[index] for index in range(len(given))]
    odd = next((item for item in items if not (isinstance(item, tuple | list) and len(item) == 2)), None)
    if odd is not None or not items:
        raise DataError(f"an item of the data is of type {type(odd).__name__}; expected (image, label); {EXPECTED}")
    images = [_array(image) for image, _ in items]
    shapes = sorted({image.shape for image in images})
    if len(shapes) > 1:
        raise DataError(
            f"the images differ in shape, such as {shapes[0]} and {shapes[1]}; resize them, or give the folder of "
            "their files instead"
        )
    text = next((label for _, label in items if isinstance(label, str | bytes)), None)
    if text is not None:
        raise DataError(f"an item of the data has the label {text!r}; expected whole numbers from 0{TEXT_ADVICE}")
    return np.stack(images), np.array([int(label) for _, label in items])


def _array(value: Any) -> npt.NDArray[Any]:
    detach = getattr(value, "detach", None)  # a tensor
    return np.asarray(detach().cpu().numpy() if detach else value)


def _class_names(data: Any) -> tuple[str, ...]:
    """Return the class names that a torchvision data set knows."""
    given = next(iter(data.values()), None) if isinstance(data, Mapping) else data
    names = getattr(given, "classes", ())
    return distinct(tuple(map(str, names)), "`classes` of the data") if isinstance(names, list | tuple) else ()
