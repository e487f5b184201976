"""Predictions that another program made, as a table: one line a test image."""

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

COLUMNS = "id, label, and prediction, or logit_0 ... or probability_0 ..., one a class"
SMALLEST = 1e-12  # a probability that was rounded to 0


@dataclass(frozen=True)
class OutsidePredictions:
    """What a file of predictions holds. `scored` is False where it has only predicted classes: logits of 0 and 1."""

    ids: tuple[str, ...]
    labels: npt.NDArray[np.int64]  # N
    logits: npt.NDArray[np.float32]  # N x classes
    class_names: tuple[str, ...]
    scored: bool


def read_predictions(path: Path, class_names: Sequence[str] | None = None) -> OutsidePredictions:
    """Read a CSV or Parquet file with the columns `id`, `label`, and `prediction`, `logit_<k>` or `probability_<k>`.

    Labels and predictions are class numbers from 0, or class names. Without `class_names` the classes are those that
    the file names, sorted, or as many as its largest number says.

    Raises: StudyError, with the line, for what cannot be read or does not fit.
    """
    table = _read(path)
    missing = [name for name in ("id", "label") if name not in table]
    scores = _scores(path, table)
    if missing or (scores is None and "prediction" not in table):
        raise StudyError(f"{path} has the columns {', '.join(map(str, table.columns))}; expected {COLUMNS}")
    if table["id"].duplicated().any():
        twice = table["id"][table["id"].duplicated()].iloc[0]
        raise StudyError(f"{path} has the image {twice} twice; expected one line a test image")
    given = ["label"] if scores is not None else ["label", "prediction"]
    count = None if scores is None else scores.shape[1]
    names = tuple(class_names) if class_names is not None else _class_names(path, table[given], count)
    numbers = {name: _class_numbers(path, table[name], names) for name in given}
    if scores is not None and scores.shape[1] != len(names):
        raise StudyError(
            f"{path} has scores of {plural(scores.shape[1], 'class')}; expected {len(names)}: {_few(names)}"
        )
    logits = scores if scores is not None else np.eye(len(names), dtype=np.float32)[numbers["prediction"]]
    ids = tuple(table["id"].astype(str))
    return OutsidePredictions(ids, numbers["label"], logits, names, scores is not None)


def _read(path: Path) -> pd.DataFrame:
    if not path.is_file():
        raise StudyError(f"{path} is not there; expected a CSV or Parquet file of predictions")
    try:
        if path.suffix.lower() in {".parquet", ".pq"}:
            table = pd.read_parquet(path)
        else:
            table = pd.read_csv(path, dtype={"id": str}, skipinitialspace=True)
    except Exception as error:  # whatever a parser says of a file that is none of its own
        raise StudyError(f"{path} cannot be read as predictions: {error}") from error
    if table.empty:
        raise StudyError(f"{path} has no line of predictions; expected {COLUMNS}")
    return table


def _scores(path: Path, table: pd.DataFrame) -> npt.NDArray[np.float32] | None:
    """Logits, or the logarithms of probabilities, N x classes; None where there are neither."""
    for kind in ("logit", "probability"):
        numbered = {int(match[1]): name for name in table if (match := re.fullmatch(rf"{kind}_(\d+)", str(name)))}
        if not numbered:
            continue
        if sorted(numbered) != list(range(len(numbered))):
            raise StudyError(f"{path} has {kind}_ columns {sorted(numbered)}; expected them from 0 on, without a gap")
        columns = table[[numbered[place] for place in sorted(numbered)]]
        values = columns.apply(pd.to_numeric, errors="coerce").to_numpy(np.float64)
        wrong = ~np.isfinite(values).all(1) | ((values < 0).any(1) if kind == "probability" else False)
        if wrong.any():
            raise StudyError(f"{path}, line {int(wrong.argmax()) + 2}: expected numbers as {kind}_ of every class")
        logits = np.log(np.maximum(values, SMALLEST)) if kind == "probability" else values
        return np.asarray(logits, dtype=np.float32)
    return None


def _class_names(path: Path, given: pd.DataFrame, count: int | None) -> tuple[str, ...]:
    if all(pd.api.types.is_integer_dtype(given[name]) for name in given):
        most = count if count is not None else int(given.to_numpy().max()) + 1
        return tuple(map(str, range(most)))
    names = sorted({str(value) for name in given for value in given[name]})
    if count is not None and count != len(names):
        raise StudyError(
            f"{path} names {plural(len(names), 'class')} ({_few(names)}) and has scores of {count}; give labels as "
            "numbers from 0, in the order of the scores"
        )
    return tuple(names)


def _class_numbers(path: Path, column: pd.Series, names: Sequence[str]) -> npt.NDArray[np.int64]:
    """Classes as numbers, given as numbers or names."""
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
            f"{path}, line {line + 2}: {column.name} {column.iloc[line]} is no class; expected 0 to {len(names) - 1} "
            f"or one of {_few(names)}"
        )
    return numbers.to_numpy(np.int64)


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:6]) + (", ..." if len(names) > 6 else "")
