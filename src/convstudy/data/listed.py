"""Reading of a table of image files with their labels, and their parts if it has them."""

from __future__ import annotations

import os
import unicodedata
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import lazy_loader

from convstudy.data.decoding import White
from convstudy.data.file_names import class_name_of
from convstudy.data.folder import FileSet, LabeledFile, labeled_files
from convstudy.data.groups import COLUMN
from convstudy.data.image_set import DataSet
from convstudy.data.image_tree import PARTS
from convstudy.data.parting import Parting
from convstudy.errors import DataError, printable
from convstudy.wording import listed, plural, shortened, some

if TYPE_CHECKING:
    import pandas as pd
else:
    pd = lazy_loader.load("pandas")  # takes half a second

COLUMNS = "filename,label and optionally split,group"
OURS = ("filename", "label", "split")  # the names of the columns that are read
READ = (*OURS, COLUMN)


def image_list(
    path: Path,
    *,
    side: int | None,
    skip_bad_images: bool,
    white: White | None = None,
    parting: Parting,
    progress: Callable[[int, int], None] | None,
) -> DataSet:
    """Read a CSV `filename,label[,split][,group]`; file names are relative to its folder.

    `split` is train, val or test; `group` names images that depend on each other, such as those of a patient.

    Raises: DataError, with the lines, for what cannot be read; and as `image_folder`.
    """
    files = listed_files(path, white, parting)
    if "train" not in files.parts:
        raise DataError(f"{path} has no image of split train; expected train, and val and test if they are fixed")
    return labeled_files(files, side=side, skip_bad_images=skip_bad_images, progress=progress)


def listed_files(path: Path, white: White | None = None, parting: Parting | None = None) -> FileSet:
    """Return the image files of a table, by part; without parts, all of them are for training.

    Raises: DataError, with the lines, for what cannot be read.
    """
    found = rows(path)
    if any(COLUMN in row.others for row in found):
        nameless = [f"line {row.line}" for row in found if not row.others[COLUMN].strip()]
        _refuse(path, nameless, f"without a {COLUMN}")
    absent = [f"line {row.line}: {row.path}" for row in found if not row.path.is_file()]
    if absent:
        raise DataError(
            f"{path} lists {plural(len(absent), 'file')} that {'does' if len(absent) == 1 else 'do'} not exist: "
            f"{some(absent)}; file names are relative to the table's folder"
        )
    parts: dict[str, list[LabeledFile]] = {}
    for row in found:
        file = LabeledFile(row.path, row.label, row.others.get(COLUMN, "").strip())
        parts.setdefault(row.part or "train", []).append(file)
    source = f"the images that {printable(path.name)} lists"
    return FileSet(path.parent, parts, printable(path.stem), source, white=white, parting=parting or Parting())


@dataclass(frozen=True)
class Row:
    """A line of the table: the image file, which may not exist, its class, and its part if there are several."""

    line: int
    path: Path
    label: str
    part: str | None
    others: dict[str, str] = field(default_factory=dict)  # the values of the user's own columns


def rows(path: Path) -> list[Row]:
    """Return the lines of a table.

    Raises: DataError, with all lines of the same fault: without file or class, with an unknown part, or listed twice.
    """
    table = _read(path)
    lines = range(2, len(table) + 2)
    files = [_path_of(path.parent, file) for file in table["filename"]]
    labels = [class_name_of(label) for label in table["label"]]
    _refuse(
        path,
        [f"line {line}" for line, file, label in zip(lines, files, labels, strict=True) if not (file and label)],
        "without a filename or a label",
    )
    plain = [os.path.normpath(file) for file in files]
    first = dict(zip(reversed(plain), reversed(lines), strict=True))
    twice = [f"line {line}: {file}" for line, file in zip(lines, plain, strict=True) if first[file] != line]
    _refuse(path, twice, "with a file that is listed before")
    splits = [str(split).strip().lower() for split in table["split"]] if "split" in table else [""] * len(table)
    parts = [next((part for part, names in PARTS.items() if split in names), None) for split in splits]
    if "split" in table:
        unknown = [
            f"line {line}: '{split}'" for line, split, part in zip(lines, splits, parts, strict=True) if not part
        ]
        _refuse(path, unknown, "with an unknown split (expected train, val or test)")
    others = table.drop(columns=[name for name in OURS if name in table]).to_dict("records")
    return [
        Row(line, path.parent / file, label, part, {str(name): str(value) for name, value in other.items()})
        for line, file, label, part, other in zip(lines, files, labels, parts, others, strict=True)
    ]


def _path_of(root: Path, written: str) -> str:
    """Return the path of a file as the table writes it or, if there is no such file, in another way of writing it.

    The other ways are with slashes in place of backslashes, and in the composed or decomposed form of Unicode.
    """
    name = written.strip()
    slashes = name.replace("\\", "/")
    ways = (name, *(unicodedata.normalize(form, way) for way in (name, slashes) for form in ("NFC", "NFD")))
    return next((way for way in ways if way and (root / way).is_file()), name)


def _refuse(path: Path, faults: Sequence[str], what: str) -> None:
    if faults:
        raise DataError(f"{path} has {plural(len(faults), 'line')} {what}: {some(faults)}; correct or remove them")


def _read(path: Path) -> pd.DataFrame:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)  # about lines that are longer than the header
            table = pd.read_csv(
                path.absolute(),
                sep=_separator(path),
                dtype=str,
                keep_default_na=False,
                skipinitialspace=True,
                encoding="utf-8-sig",
                index_col=False,
            )
    except pd.errors.ParserWarning:
        raise DataError(f"{path} has lines with more fields than its first line; expected {COLUMNS}") from None
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8 ({error.reason}); save it as CSV in UTF-8") from error
    except Exception as error:  # whatever the parser raises for a file that is not a table
        raise DataError(
            f"{path} cannot be read as a table: {shortened(str(error), 120)}; expected {COLUMNS}"
        ) from error
    table = table.rename(columns=_plain_name)
    if not {"filename", "label"} <= set(table.columns):
        raise DataError(f"{path} has the columns {shortened(some(map(str, table.columns)), 120)}; expected {COLUMNS}")
    double = sorted(name for name in READ if list(table.columns).count(name) > 1)
    if double:
        raise DataError(f"{path} has {listed(double)} more than once; expected {COLUMNS}")
    if table.empty:
        raise DataError(f"{path} lists no image; expected {COLUMNS}")
    return table.fillna("")


def _separator(path: Path) -> str:
    """Return what separates the fields of the first line: a comma, or a semicolon or tab that occurs more often."""
    with path.open(encoding="utf-8-sig") as file:
        head = file.readline()
    return max(",;\t", key=head.count)


def _plain_name(column: object) -> str:
    """Return the name of a column: those that are read in lower case, others as they are written."""
    name = str(column).strip()
    return name.lower() if name.lower() in READ else name
