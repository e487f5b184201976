"""Files of predictions made by another program: tables with one line per test image."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from convstudy.errors import StudyError
from convstudy.wording import plural, some

COLUMNS = "id, label, group if there are any, and prediction, or logit_0 ... or probability_0 ..., one per class"
SMALLEST = 1e-12  # replaces probabilities that were rounded to 0
WIDE = 1000  # columns of scores, from which on they are read as one array
UNSEEN = 1000  # classes by number that may be without an image, as ImageNet's in a part of its images


@dataclass(frozen=True)
class OutsidePredictions:
    """Content of a file of predictions; `scored` is False if it has only predicted classes, given as logits 0 and 1."""

    ids: tuple[str, ...]
    labels: npt.NDArray[np.int64]  # N
    logits: npt.NDArray[np.float32]  # N x classes
    class_names: tuple[str, ...]
    scored: bool
    groups: tuple[str, ...] = ()  # the group of each image, if the file has them


def read_predictions(path: Path, class_names: Sequence[str] | None = None) -> OutsidePredictions:
    """Read a CSV or Parquet file with the columns `id`, `label`, and `prediction`, `logit_<k>` or `probability_<k>`.

    A column `group` names images that depend on each other, such as those of a patient.

    Labels and predictions are class numbers from 0, or class names. Without `class_names`, the classes are the sorted
    names in the file, or as many as its largest number requires.

    Raises: StudyError, if the file cannot be read or a line does not fit, with the number of the line.
    """
    header = _header(path)
    kind, columns = _score_columns(path, header)
    if not {"id", "label"} <= set(header) or not (columns or "prediction" in header):
        raise StudyError(f"{path} has the columns {some(header)}; expected {COLUMNS}")
    if columns and class_names is not None and len(columns) != len(class_names):  # before so many are read
        raise StudyError(_wrong_number(path, len(columns), class_names))
    table, values = _read(path, header, columns)
    scores = None if values is None else _logits(path, values, kind)
    if table["id"].duplicated().any():
        duplicate = table["id"][table["id"].duplicated()].iloc[0]
        raise StudyError(f"{path} has the image {duplicate} twice; expected one line per test image")
    given = ["label"] if scores is not None else ["label", "prediction"]
    count = None if scores is None else scores.shape[1]
    names = tuple(class_names) if class_names is not None else _class_names(path, table[given], count)
    numbers = {name: _class_numbers(path, table[name], names) for name in given}
    if scores is not None and scores.shape[1] != len(names):
        raise StudyError(_wrong_number(path, scores.shape[1], names))
    logits = scores if scores is not None else _one_hot(numbers["prediction"], len(names))
    ids = tuple(table["id"].astype(str))
    if "group" in table and table["group"].isna().any():
        line = int(np.asarray(table["group"].isna()).argmax()) + 2
        raise StudyError(f"{path}, line {line}: expected a group, as in the other lines")
    groups = tuple(table["group"].astype(str)) if "group" in table else ()
    return OutsidePredictions(ids, numbers["label"], logits, names, scores is not None, groups)


def _wrong_number(path: Path, found: int, names: Sequence[str]) -> str:
    return f"{path} has scores of {plural(found, 'class')}; expected {len(names)}: {_shortened(names)}"


def _one_hot(classes: npt.NDArray[np.int64], num_classes: int) -> npt.NDArray[np.float32]:
    """Return logits of 1 for a class and 0 for the others: N x classes, and no larger table."""
    logits = np.zeros((len(classes), num_classes), np.float32)
    logits[np.arange(len(classes)), classes] = 1
    return logits


def _is_parquet(path: Path) -> bool:
    return path.suffix.lower() in {".parquet", ".pq"}


def _header(path: Path) -> list[str]:
    """Return the names of the columns, without reading the others' values."""
    if not path.is_file():
        raise StudyError(f"{path} does not exist; expected a CSV or Parquet file of predictions")
    try:
        if _is_parquet(path):
            from pyarrow.parquet import read_schema  # noqa: PLC0415 - slow to import, and for such files only

            return [str(name) for name in read_schema(path).names]
        with path.open(encoding="utf-8-sig", newline="") as file:
            return [name.strip() for name in next(csv.reader(file, skipinitialspace=True))]
    except StopIteration:
        raise StudyError(f"{path} cannot be read as predictions: it is empty") from None
    except Exception as error:  # of any type, as parsers raise for files of another format
        raise StudyError(f"{path} cannot be read as predictions: {error}") from error


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


def _read(
    path: Path, header: Sequence[str], scores: Sequence[int]
) -> tuple[pd.DataFrame, npt.NDArray[np.float64] | None]:
    """Return the columns that name images and classes, and the scores, N x classes, NaN for what is no number."""
    used = [name for name in ("id", "label", "prediction", "group") if name in header]
    score_names = [header[place] for place in scores]
    try:
        if _is_parquet(path):
            table = pd.read_parquet(path, columns=[*used, *score_names])
        elif len(scores) > WIDE:
            table = pd.read_csv(path, dtype={"id": str}, skipinitialspace=True, usecols=used)
            return table, np.loadtxt(path, delimiter=",", skiprows=1, usecols=scores, quotechar='"', ndmin=2)
        else:
            wanted = {*used, *score_names}
            table = pd.read_csv(
                path, dtype={"id": str}, skipinitialspace=True, usecols=lambda name: name.strip() in wanted
            )
    except Exception as error:  # of any type, as parsers raise for files of another format
        raise StudyError(f"{path} cannot be read as predictions: {error}") from error
    if table.empty:
        raise StudyError(f"{path} has no predictions; expected {COLUMNS}")
    values = table[score_names].apply(pd.to_numeric, errors="coerce").to_numpy(np.float64) if scores else None
    return table[used], values


def _logits(path: Path, values: npt.NDArray[np.float64], kind: str) -> npt.NDArray[np.float32]:
    """Return logits, or the logarithms of probabilities, N x classes."""
    wrong = ~np.isfinite(values).all(1) | ((values < 0).any(1) if kind == "probability" else False)
    if wrong.any():
        raise StudyError(f"{path}, line {int(wrong.argmax()) + 2}: expected a number as {kind}_ of every class")
    return np.asarray(np.log(np.maximum(values, SMALLEST)) if kind == "probability" else values, dtype=np.float32)


def _class_names(path: Path, given: pd.DataFrame, count: int | None) -> tuple[str, ...]:
    if all(pd.api.types.is_integer_dtype(given[name]) for name in given):
        most = count if count is not None else int(given.to_numpy().max()) + 1
        if count is None and most > max(len(given), UNSEEN):
            raise StudyError(
                f"{path} has the class {most - 1} for {plural(len(given), 'image')}; expected numbers from 0, "
                "without gaps"
            )
        return tuple(map(str, range(most)))
    names = sorted({str(value) for name in given for value in given[name]})
    if count is not None and count != len(names):
        raise StudyError(
            f"{path} names {plural(len(names), 'class')} ({_shortened(names)}), but has scores of {count}; give "
            "labels as numbers from 0, in the order of the scores"
        )
    return tuple(names)


def _class_numbers(path: Path, column: pd.Series, names: Sequence[str]) -> npt.NDArray[np.int64]:
    """Return the class numbers of a column of numbers or names."""
    if pd.api.types.is_integer_dtype(column):
        wrong = (column < 0) | (column >= len(names))
        numbers = column
    else:
        by_name = {name: number for number, name in enumerate(names)}
        numbers = column.astype(str).map(by_name)
        wrong = numbers.isna()
    if wrong.any():
        line = int(np.asarray(wrong).argmax())
        raise StudyError(
            f"{path}, line {line + 2}: {column.name} {column.iloc[line]} is not a class; expected 0 to "
            f"{len(names) - 1} or one of {_shortened(names)}"
        )
    return numbers.to_numpy(np.int64)


def _shortened(names: Sequence[str]) -> str:
    return ", ".join(names[:6]) + (", ..." if len(names) > 6 else "")
