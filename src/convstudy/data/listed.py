"""A table of image files with their labels, and their parts where it says them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from convstudy.data.folder import PARTS, FileSet, Labelled, labelled_files
from convstudy.data.image_set import DataSet
from convstudy.errors import DataError

COLUMNS = "filename,label or filename,label,split"


def image_list(
    path: Path, *, side: int | None, skip_bad_images: bool, progress: Callable[[int, int], None] | None
) -> DataSet:
    """Read a CSV `filename,label[,split]`; file names are relative to its folder, `split` is train, val or test.

    Raises: DataError, with the line, for what cannot be read; and as `image_folder`.
    """
    parts: dict[str, list[Labelled]] = {}
    for row in rows(path):
        if not row.path.is_file():
            raise DataError(
                f"{path}, line {row.line}: {row.path} is not there; file names are relative to the table's folder"
            )
        parts.setdefault(row.part or "train", []).append(Labelled(row.path, row.label))
    if "train" not in parts:
        raise DataError(f"{path} has no image of split train; expected train, and val and test where they are fixed")
    files = FileSet(path.parent, parts, path.stem, f"the images that {path.name} lists")
    return labelled_files(files, side=side, skip_bad_images=skip_bad_images, progress=progress)


@dataclass(frozen=True)
class Row:
    """A line of the table: the image file, which may be absent, its class, and its part where there are several."""

    line: int
    path: Path
    label: str
    part: str | None


def rows(path: Path) -> Iterator[Row]:
    """The lines of a table. Raises: DataError, with the line, for one that says no file, no class or no part."""
    for line, row in enumerate(_read(path).to_dict("records"), start=2):
        if not str(row["filename"]).strip() or not str(row["label"]).strip():
            raise DataError(f"{path}, line {line}: expected a filename and a label; got {row}")
        part = _part(path, line, row["split"]) if "split" in row else None
        yield Row(line, path.parent / str(row["filename"]), str(row["label"]), part)


def _read(path: Path) -> pd.DataFrame:
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False, skipinitialspace=True)
    except Exception as error:  # whatever the parser says of a file that is no table
        raise DataError(f"{path} cannot be read as a table: {error}; expected {COLUMNS}") from error
    if not {"filename", "label"} <= set(table.columns):
        raise DataError(f"{path} has the columns {', '.join(map(str, table.columns))}; expected {COLUMNS}")
    if table.empty:
        raise DataError(f"{path} lists no image; expected {COLUMNS}")
    twice = table["filename"][table["filename"].duplicated()]
    if len(twice):
        raise DataError(f"{path}, line {int(twice.index[0]) + 2}: {twice.iloc[0]} is listed twice")
    return table


def _part(path: Path, line: int, split: object) -> str:
    word = str(split).strip().lower()
    part = next((part for part, names in PARTS.items() if word in names), None)
    if part is None:
        raise DataError(f"{path}, line {line}: the split is '{word}'; expected train, val or test")
    return part
