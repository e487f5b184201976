"""A table of image files without the problems that an inspection found; the images stay as they are."""

from __future__ import annotations

import csv
import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import pandas as pd

from convstudy.data.findings import ImageFile
from convstudy.data.inspection import Inspection
from convstudy.data.split import fewest_needed
from convstudy.errors import DataError, printable
from convstudy.files import whole_file
from convstudy.wording import some

KEPT_FIRST = ("test", "validation", "train", None)  # of equal images, the one in the first of these parts is kept
HEADER = b'"filename","label"'  # begins each table that is written here: everything is quoted


def write_clean_split(inspection: Inspection, path: Path) -> tuple[int, int]:
    """Write a CSV `filename,label[,split]` that `load` reads; return how many images it keeps and leaves out.

    It leaves out files that cannot be decoded, equal images with different classes, and all but one of equal images:
    the test part keeps its own, so that results on it can be compared with others'; the validation part comes next. The
    user's own columns of a table are kept.

    Raises: DataError, if the class of a file is unknown, the images are not files, a part would lose a class, training
    would refuse the table, or another file would be overwritten.
    """
    if inspection.arrays:
        raise DataError(f"a clean split is a table of image files, but {inspection.root} has none")
    _refuse_overwriting(inspection, path)
    _refuse_unwritable(inspection)
    kept = sorted(_kept(inspection.files), key=lambda file: file.name)
    _refuse_unreadable(inspection, kept)
    table = pd.DataFrame(
        [
            {
                "filename": _from(path, inspection.paths[file.name]),
                "label": file.class_name,
                "split": file.part,
                **(inspection.rows[file.name].others if inspection.rows else {}),
            }
            for file in kept
        ]
    )
    if table["split"].isna().all():
        table = table.drop(columns="split")
    with whole_file(path, keep_hard_links=True) as draft:
        table.to_csv(draft, index=False, quoting=csv.QUOTE_ALL)
    return len(kept), len(inspection.files) - len(kept)


def _refuse_overwriting(inspection: Inspection, path: Path) -> None:
    if not path.exists() and not path.is_symlink():
        return
    if inspection.table and path.exists() and path.samefile(inspection.table):
        raise DataError(f"{path} is the table that was inspected; choose another name for the clean split")
    if not path.is_file() or not path.read_bytes()[: len(HEADER)] == HEADER:
        raise DataError(f"{path} already exists and is not a clean split; choose another name")


def _refuse_unwritable(inspection: Inspection) -> None:
    nameless = [file.name for file in inspection.files if file.class_name is None]
    if nameless:
        raise DataError(
            f"{some(nameless)}: in no class folder; with class_in_name the class is read from names as 3_photo.jpg"
        )
    odd = [file.name for file in inspection.files if file.look and _odd(inspection.paths[file.name])]
    if odd:
        raise DataError(f"{some(odd)}: a table cannot contain such a name; rename the file")


def _odd(path: Path) -> bool:
    return printable(str(path)) != str(path)


def _refuse_unreadable(inspection: Inspection, kept: Sequence[ImageFile]) -> None:
    """Refuse a table in which a part has lost a class, or which training refuses."""
    before, after = (_counts(files) for files in (inspection.files, kept))
    lost = [f"{name} in {part or 'all'}" for part, classes in before.items() for name in classes.keys() - after[part]]
    if lost:
        raise DataError(
            f"without its broken and equal images there is no image of {some(sorted(lost))}; fix these first"
        )
    train = after.get("train", after.get(None, Counter()))
    different = {name for classes in after.values() for name in classes.keys() ^ train.keys()}
    if len(train) < 2 or different:
        what = f"{some(sorted(different))} not in every split" if different else f"the class {some(train)} only"
        raise DataError(f"training refuses such a table: {what}; expected two or more classes, the same in every split")
    needed, why = fewest_needed(after.keys())
    few = [f"{name} ({number})" for name, number in sorted(train.items()) if number < needed]
    if few:
        raise DataError(f"training refuses such a table: too few images of {some(few)}; expected {needed} or more{why}")


def _counts(files: Iterable[ImageFile]) -> dict[str | None, Counter[str]]:
    counts: dict[str | None, Counter[str]] = defaultdict(Counter)
    for file in files:
        counts[file.part][file.class_name or ""] += 1
    return counts


def _kept(files: Iterable[ImageFile]) -> Iterator[ImageFile]:
    equal: dict[str, list[ImageFile]] = defaultdict(list)
    for file in files:
        if file.look:
            equal[file.look.digest].append(file)
    for group in equal.values():
        if len({file.class_name for file in group}) == 1:
            yield min(group, key=lambda file: (KEPT_FIRST.index(file.part), file.name))


def _from(path: Path, file: Path) -> str:
    folder = Path(os.path.realpath(path)).parent  # unlike Path.resolve(), also of links that lead in a circle
    return Path(os.path.relpath(os.path.abspath(file), folder)).as_posix()  # noqa: PTH100, keeps links
