"""Data sources: a name, a folder or a file."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from convstudy.data.array_files import SUFFIXES
from convstudy.data.arrays import array_file, arrays_to_evaluate
from convstudy.data.decoding import White
from convstudy.data.folder import files_of, files_to_evaluate, image_folder
from convstudy.data.hugging_face import PREFIX, hugging_face_set, hugging_face_to_evaluate
from convstudy.data.image_set import DataSet, EvaluationSet, at_side, to_evaluate
from convstudy.data.image_tree import read_tree
from convstudy.data.known import data_sources
from convstudy.data.listed import image_list, listed_files
from convstudy.data.memory import Mapped
from convstudy.data.named import digits, torchvision_set
from convstudy.data.parting import WHOLE_NOTE, Parting
from convstudy.data.split import TEST_NOTE, leak_note, smaller
from convstudy.data.streamed import Streamed
from convstudy.data.structure import of_names
from convstudy.data.torchvision_sets import ALSO_CALLED, TORCHVISION_SETS
from convstudy.errors import DataError, UnknownNameError

NOTHING_ASKED = Parting()


def load(
    data: str,
    *,
    data_dir: Path | None = None,
    test_data: Path | None = None,
    side: int | None = None,
    skip_bad_images: bool = False,
    white: White | None = None,
    parting: Parting = NOTHING_ASKED,
    progress: Callable[[int, int], None] | None = None,
) -> DataSet:
    """Read all images of a source, once.

    `side` requests square images of that side; without it, images that are square and of one size keep it.
    `white` is that of the data on which a network was trained, for image files of more than 8 bits.

    Raises: UnknownNameError or DataError, for what cannot be read or used; ToolError, if a package is missing.
    """
    if side is not None and side < 1:
        raise DataError(f"the side of the images is {side}; expected 1 or more pixels")
    found = _read(data, data_dir, test_data, side, skip_bad_images, white, parting, progress)
    return completed(found, parting.train_images)


def load_to_evaluate(
    data: str | None,
    *,
    expected: Sequence[str] = (),
    data_dir: Path | None = None,
    test_data: Path | None = None,
    side: int | None = None,
    skip_bad_images: bool = False,
    white: White | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> EvaluationSet:
    """Read the test set of a source or, if it has none, all images, to evaluate a network with the `expected` classes.

    No training set is needed, and nothing is split off. `test_data` without `data` is a file with a test set alone.

    Raises: as `load`.
    """
    path = Path(data or "")
    if data is None and test_data is not None:
        path, test_data = test_data, None
        if path.suffix.lower() not in SUFFIXES:
            raise DataError(f"test_data is {path}; expected a .npz or .h5 file", setting="test_data")
    elif test_data is not None and path.suffix.lower() not in SUFFIXES:
        raise DataError(f"`test_data` needs a .npz or .h5 file as `data`; got {data}", setting="test_data")
    if data and data.startswith(PREFIX):
        return hugging_face_to_evaluate(data, side=side, skip_bad_images=skip_bad_images, progress=progress)
    if path.suffix.lower() in SUFFIXES and not path.is_dir():
        return arrays_to_evaluate(path, test_data=test_data, side=side, expected=expected)
    if path.suffix.lower() == ".csv" and path.is_file():
        files = listed_files(path, white)
    elif data and path.is_dir():
        files = files_of(read_tree(path, train_needed=False), white)
    else:
        found = _read(data or "", data_dir, None, side, skip_bad_images, white, NOTHING_ASKED, progress)
        return to_evaluate(found, is_test=TEST_NOTE not in found.notes)
    return files_to_evaluate(files, side=side, skip_bad_images=skip_bad_images, progress=progress)


def completed(found: DataSet, train_images: int | None) -> DataSet:
    """Return data as they were read with the training part asked for, and the notes that all sources share."""
    if train_images is not None:
        note = f"{{:,}} of {len(found.train):,} training images, stratified, the same for every seed"
        least = 1 if found.validation else 2
        train = smaller(found.train, train_images, found.class_names, least=least)
        found = replace(found, train=train, notes=(*found.notes, note.format(len(train))))
    leaks = () if WHOLE_NOTE in found.notes else leak_note(found)
    names = (finding.sentence for finding in of_names(found.class_names))
    return replace(found, notes=(*found.notes, *names, *_memory_note(found), *leaks))


def _memory_note(data: DataSet) -> Iterator[str]:
    """Say how much memory the images take; for a file or a stream, the source has said so."""
    parts = [part.images for part in (data.train, data.validation, data.test) if part]
    if not any(isinstance(images, Mapped | Streamed) for images in parts):
        size = sum(images.nbytes for images in parts)
        yield f"{size / 1e6:,.1f} MB of images, in memory" if size > 1e6 else f"{size:,} bytes of images, in memory"


def _read(
    data: str,
    data_dir: Path | None,
    test_data: Path | None,
    side: int | None,
    skip_bad_images: bool,
    white: White | None,
    parting: Parting,
    progress: Callable[[int, int], None] | None,
) -> DataSet:
    path = Path(data)
    if test_data is not None and path.suffix.lower() not in SUFFIXES:
        raise DataError(f"`test_data` needs a .npz or .h5 file as `data`; got {data}", setting="test_data")
    if data.startswith(PREFIX):
        return hugging_face_set(data, side=side, skip_bad_images=skip_bad_images, parting=parting, progress=progress)
    if path.suffix.lower() in SUFFIXES and not path.is_dir():
        return array_file(path, test_data=test_data, side=side, parting=parting)
    if path.suffix.lower() == ".csv" and path.is_file():
        return image_list(
            path, side=side, skip_bad_images=skip_bad_images, white=white, parting=parting, progress=progress
        )
    if data and path.is_dir():
        return image_folder(
            path, side=side, skip_bad_images=skip_bad_images, white=white, parting=parting, progress=progress
        )
    if data == "digits":
        return digits(parting) if side is None else at_side(digits(parting), side)
    if (name := ALSO_CALLED.get(data, data)) in TORCHVISION_SETS:
        return torchvision_set(
            name, data_dir, side=side, skip_bad_images=skip_bad_images, parting=parting, progress=progress
        )
    if data and path.exists():
        raise DataError(
            f"{data} is a {path.suffix or 'nameless'} file; expected a folder of class folders, .csv, .npz or .h5"
        )
    if any(separator in data for separator in filter(None, (os.sep, os.altsep, "."))):
        raise DataError(
            f"{data} does not exist; expected class folders, a .csv, .npz or .h5 file, or a name of `convstudy data`"
        )
    names = [source.name for source in data_sources() if source.name.islower()]
    raise UnknownNameError("data set or folder", data, names, hint="`convstudy data` lists them")
