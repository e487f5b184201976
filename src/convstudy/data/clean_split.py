"""A split without what an inspection found wrong, as a table of file names; the images stay as they are."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

import pandas as pd

from convstudy.data.findings import ImageFile
from convstudy.data.inspection import Inspection
from convstudy.errors import DataError
from convstudy.files import whole_file

KEPT_FIRST = ("test", "validation", "train", None)  # of equal images, the one in the first of these parts stays


def write_clean_split(inspection: Inspection, path: Path) -> tuple[int, int]:
    """Write a CSV `filename,label[,split]` that `--data` reads; give how many images it keeps and leaves out.

    Left out are files that cannot be decoded, equal images with different classes, and of equal images all but one: the
    test part keeps its own, so that results on it can be compared with others'; the validation part comes next.

    Raises: DataError, when the class of a file is not known, or the images lie in no files.
    """
    if inspection.arrays:
        raise DataError(f"--fix writes a table of image files, and {inspection.root} is none; leave it out")
    nameless = next((file for file in inspection.files if file.class_name is None), None)
    if nameless:
        raise DataError(
            f"{nameless.name} lies in no class folder; give --class-in-name where the name says it, as in 3_photo.jpg"
        )
    unnamed = next(
        (file for file in inspection.files if file.look and not (inspection.root / file.name).exists()), None
    )
    if unnamed:
        raise DataError(f"{unnamed.name} has a name that a table cannot hold; rename it")
    kept = sorted(_kept(inspection.files), key=lambda file: file.name)
    table = pd.DataFrame(
        {
            "filename": [_from(path, inspection.root / file.name) for file in kept],
            "label": [file.class_name for file in kept],
            "split": [file.part for file in kept],
        }
    )
    if table["split"].isna().all():
        table = table.drop(columns="split")
    with whole_file(path) as draft:
        table.to_csv(draft, index=False)
    return len(kept), len(inspection.files) - len(kept)


def _kept(files: Iterable[ImageFile]) -> Iterator[ImageFile]:
    equal: dict[str, list[ImageFile]] = defaultdict(list)
    for file in files:
        if file.look:
            equal[file.look.digest].append(file)
    for group in equal.values():
        if len({file.class_name for file in group}) == 1:
            yield min(group, key=lambda file: (KEPT_FIRST.index(file.part), file.name))


def _from(path: Path, file: Path) -> str:
    return Path(os.path.relpath(file.resolve(), path.resolve().parent)).as_posix()
