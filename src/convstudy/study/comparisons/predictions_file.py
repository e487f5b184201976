"""Files of predictions made by another program: tables with one line per test image."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from convstudy.errors import StudyError
from convstudy.wording import plural

COLUMNS = "id, label, and prediction, or logit_0 ... or probability_0 ..., one per class"
SMALLEST = 1e-12  # replaces probabilities that were rounded to 0


@dataclass(frozen=True)
class OutsidePredictions:
    """Content of a file of predictions; `scored` is False if it has only predicted classes, given as logits 0 and 1."""

    ids: tuple[str, ...]
    labels: npt.NDArray[np.int64]  # N
    logits: npt.NDArray[np.float32]  # N x classes
    class_names: tuple[str, ...]
    scored: bool


def read_predictions(path: Path, class_names: Sequence[str] | None = None) -> OutsidePredictions:
    """Read a CSV or Parquet file with the columns `id`, `label`, and `prediction`, `logit_<k>` or `probability_<k>`.

    Labels and predictions are class numbers from 0, or class names. Without `class_names`, the classes are the sorted
    names in the file, or as many as its largest number requires.

    Raises: StudyError, if the file cannot be read or a line does not fit, with the number of the line.
    """
    table = _read(path)
    missing = [name for name in ("id", "label") if name not in table]
    scores = _scores(path, table)
    if missing or (scores is None and "prediction" not in table):
        raise StudyError(f"{path} has the columns {', '.join(map(str, table.columns))}; expected {COLUMNS}")
    if table["id"].duplicated().any():
        duplicate = table["id"][table["id"].duplicated()].iloc[0]
        raise StudyError(f"{path} has the image {duplicate} twice; expected one line per test image")
    given = ["label"] if scores is not None else ["label", "prediction"]
    count = None if scores is None else scores.shape[1]
    names = tuple(class_names) if class_names is not None else _class_names(path, table[given], count)
    numbers = {name: _class_numbers(path, table[name], names) for name in given}
    if scores is not None and scores.shape[1] != len(names):
        raise StudyError(
            f"{path} has scores of {plural(scores.shape[1], 'class')}; expected {len(names)}: {_shortened(names)}"
        )
    logits = scores if scores is not None else np.eye(len(names), dtype=np.float32)[numbers["prediction"]]
    ids = tuple(table["id"].astype(str))
    return OutsidePredictions(ids, numbers["label"], logits, names, scores is not None)


def _read(path: Path) -> pd.DataFrame:
    if not path.is_file():
        raise StudyError(f"{path} does not exist; expected a CSV or Parquet file of predictions")
    try:
        if path.suffix.lower() in {".parquet", ".pq"}:
            table = pd.read_parquet(path)
        else:
            table = pd.read_csv(path, dtype={"id": str}, skipinitialspace=True)
    except Exception as error:  # of any type, as parsers raise for files of another format
        raise StudyError(f"{path} cannot be read as predictions: {error}") from error
    if table.empty:
        raise StudyError(f"{path} has no predictions; expected {COLUMNS}")
    return table


def _scores(path: Path, table: pd.DataFrame) -> npt.NDArray[np.float32] | None:
    """Return logits or logarithms of probabilities, N x classes; None if the table has neither."""
    for kind in ("logit", "probability"):
        numbered = {int(match[1]): name for name in table if (match := re.fullmatch(rf"{kind}_(\d+)", str(name)))}
        if not numbered:
            continue
        if sorted(numbered) != list(range(len(numbered))):
            raise StudyError(f"{path} has {kind}_ columns {sorted(numbered)}; expected consecutive numbers from 0")
        columns = table[[numbered[number] for number in sorted(numbered)]]
        values = columns.apply(pd.to_numeric, errors="coerce").to_numpy(np.float64)
        wrong = ~np.isfinite(values).all(1) | ((values < 0).any(1) if kind == "probability" else False)
        if wrong.any():
            raise StudyError(f"{path}, line {int(wrong.argmax()) + 2}: expected a number as {kind}_ of every class")
        logits = np.log(np.maximum(values, SMALLEST)) if kind == "probability" else values
        return np.asarray(logits, dtype=np.float32)
    return None


def _class_names(path: Path, given: pd.DataFrame, count: int | None) -> tuple[str, ...]:
    if all(pd.api.types.is_integer_dtype(given[name]) for name in given):
        num_classes = count if count is not None else int(given.to_numpy().max()) + 1
        return tuple(map(str, range(num_classes)))
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
