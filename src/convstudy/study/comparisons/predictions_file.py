"""Files of predictions made by another program: tables with one line per test image."""

from __future__ import annotations

import csv
import warnings
from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import NoReturn

import numpy as np
import numpy.typing as npt
import pandas as pd

from convstudy.data.cache import ScratchFile, room_for
from convstudy.errors import StudyError
from convstudy.study.runs.result import MANY, MANY_CLASSES, VALUES_AT_ONCE, Logits, OnlyClasses, StoredLogits
from convstudy.wording import plural, shortened, some

COLUMNS = "id, label, group if there are any, and prediction, or logit_0 ... or probability_0 ..., one per class"
FORMAT = "a CSV file in UTF-8, or a Parquet file, of predictions"
QUOTED = 80  # letters of the file in a message
PROBLEM = 140  # letters of a parser's message
SMALLEST = 1e-12  # replaces probabilities that were rounded to 0
WIDE = 1000  # columns of scores, from which on they are read as one array
AT_ONCE = 200  # columns of a Parquet file
UNSEEN = 1000  # classes by number that may be without an image, as ImageNet's in a part of its images


@dataclass(frozen=True)
class OutsidePredictions:
    """Content of a file of predictions."""

    ids: tuple[str, ...]
    labels: npt.NDArray[np.int64]  # N
    logits: Logits  # N x classes
    class_names: tuple[str, ...]
    groups: tuple[str, ...] = ()  # the group of each image, if the file has them

    @property
    def scored(self) -> bool:
        """Whether the file has scores, and not only predicted classes."""
        return not isinstance(self.logits, OnlyClasses)


def read_predictions(
    path: Path, class_names: Sequence[str] | None = None, truth: Mapping[str, int] | None = None
) -> OutsidePredictions:
    """Read a CSV or Parquet file with the columns `id`, `label`, and `prediction`, `logit_<k>` or `probability_<k>`.

    Labels and predictions are class names, or class numbers from 0. Where both readings are possible and differ, as
    with the names 1, 2 and 3, the one that agrees with `truth`, the labels by id, is chosen, otherwise names. Without
    `class_names`, the classes are the names in the file, or as many as its largest number requires. A column `group`
    names images that depend on each other, such as those of a patient.

    Raises: StudyError, if the file cannot be read or a line does not fit, with the number of the line.
    """
    header = _header(path)
    kind, columns = _score_columns(path, header)
    if not {"id", "label"} <= set(header) or not (columns or "prediction" in header):
        raise StudyError(f"{path} has the columns {shortened(some(header), QUOTED)}; expected {COLUMNS}")
    if columns and class_names is not None and len(columns) != len(class_names):  # before so many are read
        raise StudyError(_wrong_number(path, len(columns), class_names))
    given = ["label"] if columns else ["label", "prediction"]
    table = _names_in(path, ["id", *given, *({"group"} & set(header))])
    if table["id"].duplicated().any():
        duplicate = table["id"][table["id"].duplicated()].iloc[0]
        raise StudyError(f"{path} has the image {shortened(duplicate, QUOTED)} twice; expected one line per test image")
    names = tuple(class_names) if class_names is not None else class_names_in(path, table[given], len(columns) or None)
    numbers = class_numbers(path, table, given, names, truth)
    ids, shape = tuple(table["id"]), (len(table), len(names))
    scores = read_scores(path, header, columns, kind, len(table)) if columns else None
    logits = OnlyClasses(numbers["prediction"], shape) if scores is None else scores
    return OutsidePredictions(ids, numbers["label"], logits, names, _groups_in(path, table))


def _groups_in(path: Path, table: pd.DataFrame) -> tuple[str, ...]:
    """Return the group of each image, if the file has groups. Raises: StudyError, if one is missing."""
    if "group" not in table:
        return ()
    groups = table["group"].fillna("").astype(str)
    if (groups == "").any():
        line = int(np.asarray(groups == "").argmax()) + 2
        raise StudyError(f"{path}, line {line}: expected a group, as in the other lines")
    return tuple(groups)


def _wrong_number(path: Path, found: int, names: Sequence[str]) -> str:
    return f"{path} has scores of {plural(found, 'class')}; expected {len(names)}: {_shortened(names)}"


def _is_parquet(path: Path) -> bool:
    return path.suffix.lower() in {".parquet", ".pq"}


def _header(path: Path) -> list[str]:
    """Return the names of the columns, without reading the others' values."""
    if not path.is_file():
        what = "is not a regular file" if path.exists() else "does not exist"
        raise StudyError(f"{path} {what}; expected {FORMAT}")
    try:
        if _is_parquet(path):
            from pyarrow.parquet import read_schema  # noqa: PLC0415 - slow to import, and for such files only

            return [str(name) for name in read_schema(path).names]
        with path.open(encoding="utf-8-sig", newline="") as file:
            return [name.strip() for name in next(csv.reader(file, delimiter=_separator(path), skipinitialspace=True))]
    except StopIteration:
        raise StudyError(f"{path} cannot be read as predictions: it is empty; expected {FORMAT}") from None
    except Exception as error:  # of any type, as parsers raise for files of another format
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> StudyError:
    what = "it is not UTF-8 text" if isinstance(error, UnicodeDecodeError) else shortened(str(error), PROBLEM)
    return StudyError(f"{path} cannot be read as predictions: {what}; expected {FORMAT}")


def _separator(path: Path) -> str:
    """Return what separates the fields of the first line: a comma, or a semicolon or tab that occurs more often."""
    with path.open(encoding="utf-8-sig") as file:
        return max(",;\t", key=file.readline().count)


def _score_columns(path: Path, header: Sequence[str]) -> tuple[str, list[int]]:
    """Return the kind of the scores, and the places of their columns by class; none where there are no scores."""
    for kind in ("logit", "probability"):
        numbered = {
            int(name.removeprefix(f"{kind}_")): place
            for place, name in enumerate(header)
            if name.startswith(f"{kind}_") and name.removeprefix(f"{kind}_").isdecimal()
        }
        if numbered and sorted(numbered) != list(range(len(numbered))):
            listed = some(map(str, sorted(numbered)))
            raise StudyError(f"{path} has the {kind}_ columns {listed}; expected consecutive numbers from 0")
        if numbered:
            return kind, [numbered[number] for number in range(len(numbered))]
    return "", []


def _names_in(path: Path, columns: Sequence[str]) -> pd.DataFrame:
    """Return columns of ids and classes as they are written: `007` and `NA` are names, too."""
    try:
        if _is_parquet(path):
            table = pd.read_parquet(path.absolute(), columns=list(columns))
        else:
            table = pd.read_csv(
                path.absolute(),
                sep=_separator(path),
                dtype=str,
                keep_default_na=False,
                skipinitialspace=True,
                usecols=lambda name: name.strip() in columns,
                encoding="utf-8-sig",
                index_col=False,  # also if lines end in a separator
            ).rename(columns=str.strip)
    except Exception as error:  # of any type, as parsers raise for files of another format
        raise _unreadable(path, error) from error
    if table.empty:
        raise StudyError(f"{path} has no predictions; expected {COLUMNS}")
    for name in table.columns.difference(["group"], sort=False):
        if (missing := table[name].isna()).any():
            raise StudyError(f"{path}, line {int(missing.argmax()) + 2}: {name} is missing; expected one in every line")
    return table.astype(str)


def read_scores(
    path: Path, header: Sequence[str], columns: Sequence[int], kind: str, images: int
) -> npt.NDArray[np.float32] | StoredLogits:
    """Return logits, or the logarithms of probabilities, images x classes, from the columns at these places.

    No table of the same size is made beside it; many scores are never all in memory, but in a file that is removed
    when this process ends.

    Raises: StudyError, with the line, for what is not such a number; DataError, if that file cannot be written.
    """
    shape = (images, len(columns))
    with closing(_blocks(path, header, columns)) as blocks:
        checked = ((row, column, _checked(path, values, kind, row)) for row, column, values in blocks)
        if prod(shape) <= MANY and len(columns) <= MANY_CLASSES:
            logits = np.empty(shape, np.float32)
            for row, column, values in checked:
                logits[row : row + len(values), column : column + values.shape[1]] = values
            return logits
        with room_for(f"the scores of {path.name}"):
            stored = StoredLogits(ScratchFile().path, shape)
            with stored.writing() as write:
                for block in checked:
                    write(*block)
            return stored


def _blocks(
    path: Path, header: Sequence[str], columns: Sequence[int]
) -> Generator[tuple[int, int, npt.NDArray[np.float64]]]:
    """Yield some scores at a time with their first row and column, NaN for what is no number."""
    if _is_parquet(path):
        from pyarrow.parquet import ParquetFile  # noqa: PLC0415 - slow to import, and for such files only

        with ParquetFile(path.absolute()) as file:
            for start in range(0, len(columns), AT_ONCE):
                names = [header[place] for place in columns[start : start + AT_ONCE]]
                table = file.read(columns=names)
                yield (
                    0,
                    start,
                    np.stack([pd.to_numeric(table[name].to_pandas(), errors="coerce") for name in names], axis=1),
                )
        return
    start = 0
    with closing(_rows_of_csv(path, header, columns)) as rows:
        for values in rows:
            yield start, 0, values
            start += len(values)


def _rows_of_csv(path: Path, header: Sequence[str], columns: Sequence[int]) -> Generator[npt.NDArray[np.float64]]:
    """Yield the scores of some lines at a time, NaN for what is no number."""
    at_once = max(1, VALUES_AT_ONCE // len(columns))
    if len(columns) <= WIDE:
        order = [header[place] for place in columns]
        with pd.read_csv(
            path.absolute(),
            sep=_separator(path),
            skipinitialspace=True,
            usecols=lambda name: name.strip() in set(order),
            chunksize=at_once,
            index_col=False,
        ) as chunks:
            for chunk in chunks:
                table = chunk.rename(columns=str.strip)[order]
                yield table.apply(pd.to_numeric, errors="coerce").to_numpy(np.float64)
        return
    separator = _separator(path)
    with path.open(encoding="utf-8-sig") as file:
        file.readline()
        start = 0
        while True:
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")  # at the end there is no line left
                    values = np.loadtxt(
                        file, delimiter=separator, usecols=columns, quotechar='"', ndmin=2, max_rows=at_once
                    )
            except ValueError as error:
                raise StudyError(
                    f"{path}, within {at_once} lines from line {start + 2} on: {shortened(str(error), QUOTED)}"
                ) from error
            if not values.size:
                return
            yield values
            start += len(values)


def _checked(path: Path, values: npt.NDArray[np.float64], kind: str, start: int) -> npt.NDArray[np.float64]:
    """Return logits, or the logarithms of probabilities; `start` is the number of the first image."""
    wrong = ~np.isfinite(values).all(1) | ((values < 0).any(1) if kind == "probability" else False)
    if wrong.any():
        line = start + int(wrong.argmax()) + 2
        raise StudyError(f"{path}, line {line}: expected a number as {kind}_ of every class")
    return np.log(np.maximum(values, SMALLEST)) if kind == "probability" else values


def class_names_in(path: Path, given: pd.DataFrame, count: int | None) -> tuple[str, ...]:
    """Return the classes of a file: as many as its numbers from 0 or its `count` of scores require, or its names."""
    found = set(pd.unique(given.to_numpy().ravel()))
    numbered = all(map(_is_number, found))
    if numbered and (count is not None or "0" in found):
        most = count if count is not None else max(map(int, found)) + 1
        if count is None and most > max(len(given), UNSEEN):
            raise StudyError(
                f"{path} has the class {most - 1} for {plural(len(given), 'image')}; expected numbers from 0, "
                "without gaps"
            )
        return tuple(map(str, range(most)))
    names = sorted(found, key=int) if numbered else sorted(found)
    if count is not None and count != len(names):
        raise StudyError(
            f"{path} names {plural(len(names), 'class')} ({_shortened(names)}), but has scores of {count}; give "
            "labels as numbers from 0, in the order of the scores"
        )
    return tuple(names)


def _is_number(text: str) -> bool:
    """Return whether a class is written as a number: `7`, not `007` or `7.0`, which are names."""
    return text.isascii() and text.isdecimal() and (text == "0" or text[0] != "0")


def class_numbers(
    path: Path, table: pd.DataFrame, given: Sequence[str], names: Sequence[str], truth: Mapping[str, int] | None
) -> dict[str, npt.NDArray[np.int64]]:
    """Return the class numbers of the columns `given`, which hold class names or numbers.

    Raises: StudyError, with the first line that is neither.
    """
    found = {str(text) for name in given for text in pd.unique(table[name])}
    by_name = {name: number for number, name in enumerate(names)}
    by_number = {text: int(text) for text in found if _is_number(text) and int(text) < len(names)}
    readings = [reading for reading in (by_name, by_number) if found <= reading.keys()]
    if not readings:
        numbered = all(map(_is_number, found))
        return _refuse_class(path, table[list(given)], by_number if numbered else by_name, names)
    if truth is not None:
        expected = table["id"].map(truth)
        readings.sort(key=lambda reading: (table["label"].map(reading) != expected).sum())
    return {name: np.asarray(table[name].map(readings[0]), dtype=np.int64) for name in given}


def _refuse_class(path: Path, given: pd.DataFrame, known: Mapping[str, int], names: Sequence[str]) -> NoReturn:
    column, line = next((name, line) for name in given for line, text in enumerate(given[name]) if text not in known)
    text = shortened(str(given[column].iloc[line]), QUOTED)
    raise StudyError(
        f"{path}, line {line + 2}: {column} {text} is not a class; expected 0 to "
        f"{len(names) - 1} or one of {_shortened(names)}"
    )


def _shortened(names: Sequence[str]) -> str:
    return shortened(", ".join(names[:6]) + (", ..." if len(names) > 6 else ""), 2 * QUOTED)
