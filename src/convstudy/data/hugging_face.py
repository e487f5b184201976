"""Image data sets of the Hugging Face Hub, through the library `datasets`: `hf:NAME`, or `hf:FOLDER`."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from convstudy.data.cache import room_for
from convstudy.data.file_names import class_name_of
from convstudy.data.folder import FileSet, LabeledFile, files_to_evaluate, labeled_files
from convstudy.data.groups import COLUMN
from convstudy.data.image_set import DataSet, EvaluationSet
from convstudy.data.image_tree import PARTS
from convstudy.data.parting import Parting
from convstudy.errors import DataError, optional_module, printable

PREFIX = "hf:"
OBJECT = "datasets"  # name of a data set that was given as an object
SAVED = ("dataset_dict.json", "state.json")  # written by `save_to_disk`: for several parts, for one
LABELS = (
    "label",
    "labels",
    "fine_label",
    "class",
    "target",
)  # usual names of the column; the first that exists is used


def hugging_face_set(
    words: str,
    *,
    side: int | None,
    skip_bad_images: bool,
    parting: Parting,
    progress: Callable[[int, int], None] | None,
) -> DataSet:
    """Read `hf:NAME`: the image files as they are stored, with the names of the labels.

    The files are written to the cache folder once, and then read like any image files. The image column is the first of
    that type; the label column has a usual name or the type ClassLabel; a column `group` names the groups of images.

    Raises: ToolError, if `datasets` is not installed; DataError, if the name is unknown or the columns are others.
    """
    files = _files(words, _loaded(words), parting)
    return labeled_files(files, side=side, skip_bad_images=skip_bad_images, progress=progress)


def hugging_face_to_evaluate(
    words: str, *, side: int | None, skip_bad_images: bool, progress: Callable[[int, int], None] | None
) -> EvaluationSet:
    """Read the test set of `hf:NAME` or, if there is none, all images; no training set is needed.

    Raises: as `hugging_face_set`.
    """
    files = _files(words, _loaded(words), None)
    return files_to_evaluate(files, side=side, skip_bad_images=skip_bad_images, progress=progress)


def hugging_face_object(found: Any, *, side: int | None, parting: Parting) -> DataSet:
    """Return the data set of a `datasets.Dataset` or `DatasetDict` that is loaded already. Raises: DataError."""
    return labeled_files(_files(OBJECT, found, parting), side=side, skip_bad_images=False, progress=None)


def hugging_face_object_to_evaluate(found: Any, *, side: int | None) -> EvaluationSet:
    """Return the test set of a data set that is loaded already or, if there is none, all images. Raises: DataError."""
    return files_to_evaluate(_files(OBJECT, found, None), side=side, skip_bad_images=False, progress=None)


def _files(words: str, found: Any, parting: Parting | None) -> FileSet:
    """Return the image files of a data set, which are written once; without `parting`, no training set is needed."""
    parts = _parts(words, found, train_needed=parting is not None)
    features = next(iter(parts.values())).features
    image, label = _columns(words, features)
    names = tuple(map(class_name_of, getattr(features[label], "names", ())))
    groups = {part: _groups(words, part, dataset, features) for part, dataset in parts.items()}
    root = _laid_out(words, parts, image)
    files = {
        part: [
            LabeledFile(root / part / str(index), _name(value, names, f"{words}, {part}, row {index}"), group)
            for index, (value, group) in enumerate(zip(dataset[label], groups[part], strict=True))
        ]
        for part, dataset in parts.items()
    }
    return FileSet(
        root,
        files,
        printable(words.replace(":", "-").replace("/", "-")),
        f"{words}, read by `datasets`",
        order=names,
        parting=parting or Parting(),
    )


def _parts(words: str, found: Any, *, train_needed: bool) -> dict[str, Any]:
    """Return the data set's splits that are a training, validation or test part."""
    splits: Mapping[str, Any] = found if isinstance(found, Mapping) else {"train": found}
    parts = {
        part: next(splits[name] for name in names if name in splits)
        for part, names in PARTS.items()
        if any(name in splits for name in names)
    }
    if not parts or (train_needed and "train" not in parts):
        raise DataError(f"{words} has the splits {', '.join(splits)}; expected train, and validation and test")
    return parts


def _loaded(words: str) -> Any:
    datasets = optional_module("datasets", extra="hf", purpose=words)
    datasets.disable_progress_bars()
    name = words.removeprefix(PREFIX)
    try:
        if any((Path(name) / saved).is_file() for saved in SAVED):
            return datasets.load_from_disk(name)
        return datasets.load_dataset(name)
    except Exception as error:  # raised by the library, or by any that it calls
        reason = " ".join(str(error).split())[:160]
        raise DataError(
            f"{words} cannot be loaded ({type(error).__name__}: {reason}); expected the name of a data set on the Hub, "
            "without a network one in the cache that HF_HOME names, or a folder written by `save_to_disk`"
        ) from error


def _columns(words: str, features: Mapping[str, Any]) -> tuple[str, str]:
    kinds = {name: type(feature).__name__ for name, feature in features.items()}
    images = [name for name, kind in kinds.items() if kind == "Image"]
    labels = [name for name, kind in kinds.items() if kind == "ClassLabel"]
    label = next((name for name in (*LABELS, *labels) if name in kinds), None)
    if not images or label is None:
        columns = ", ".join(f"{name} ({kind})" for name, kind in kinds.items())
        raise DataError(f"{words} has the columns {columns}; expected one of images and one of class labels")
    return images[0], label


def _groups(words: str, part: str, dataset: Any, features: Mapping[str, Any]) -> list[str]:
    """Return the group of each image by the column `group`, if there is one. Raises: DataError, if one has none."""
    if COLUMN not in features:
        return [""] * len(dataset)
    if COLUMN not in dataset.features:
        raise DataError(f"{words}, {part} has no column {COLUMN}, but train has; expected it in all parts or in none")
    groups = ["" if value is None else str(value).strip() for value in dataset[COLUMN]]
    if not all(groups):
        raise DataError(f"{words}, {part}, row {groups.index('')} has no {COLUMN}; expected one in every row")
    return groups


def _name(value: Any, names: tuple[str, ...], where: str) -> str:
    if value is None or (names and not 0 <= value < len(names)):
        raise DataError(f"{where} has the label {value}; expected one of its {len(names) or ''} classes")
    return names[value] if names else class_name_of(str(value))


def _laid_out(words: str, parts: Mapping[str, Any], column: str) -> Path:
    """Return the folder in the cache with the numbered files of each part; it is written once."""
    from filelock import FileLock

    datasets = optional_module("datasets", extra="hf", purpose=words)

    known = "".join(f"{part}{dataset._fingerprint}{len(dataset)}" for part, dataset in parts.items())
    with room_for(f"the images of {words}") as cache:
        root = cache / "hf" / hashlib.sha256(known.encode()).hexdigest()[:32]
        root.mkdir(parents=True, exist_ok=True)
        with FileLock(root / "lock"):
            if (root / "whole").exists():
                return root
            for part, dataset in parts.items():
                (root / part).mkdir(exist_ok=True)
                for index, row in enumerate(dataset.cast_column(column, datasets.Image(decode=False))):
                    (root / part / str(index)).write_bytes(_content(row[column]))
            (root / "whole").touch()
    return root


def _content(stored: Mapping[str, Any] | None) -> bytes:
    """Return an image file as it is stored; empty if there is none, which decoding then reports by name."""
    if not stored:
        return b""
    return bytes(stored["bytes"] or Path(stored["path"]).read_bytes())
