"""Decoding of labels: integers, or one-hot rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from convstudy.errors import DataError
from convstudy.wording import plural

TEXT_ADVICE = ": `classes, labels = numpy.unique(names, return_inverse=True)` turns names into both"
LARGEST = 2**31 - 1  # a label beyond it is a mistake, and might not fit int64


def decode_labels(labels: npt.NDArray[Any], where: str, images: int) -> npt.NDArray[np.int64]:
    """Return the labels of `images` images as integers from 0, given as N, 1 x N, N x 1, or one-hot N x classes.

    Raises: DataError, with the value found, if they have another shape, are not whole numbers, negative, or too few or
    many.

    >>> decode_labels(np.array([[0, 1, 0], [1, 0, 0]]), "y", 2).tolist()
    [1, 0]
    >>> decode_labels(np.array([[3.0], [0.0]]), "y", 2).tolist()
    [3, 0]
    """
    labels = np.asarray(labels)
    if labels.dtype.kind not in "biuf":
        raise DataError(f"{where} has labels of type {labels.dtype}; expected whole numbers from 0{TEXT_ADVICE}")
    flat = _flat(labels)
    if flat is None:
        raise DataError(f"{where} has labels of shape {labels.shape}; expected one label per image, or one-hot rows")
    if len(flat) != images:
        raise DataError(
            f"{where} has {plural(len(flat), 'label')} for {plural(images, 'image')}; expected one label per image"
        )
    if not np.isfinite(flat.astype(np.float64)).all() or (flat != np.floor(flat)).any():
        raise DataError(f"{where} has labels that are not whole numbers, such as {_first_odd(flat)}")
    if (flat < 0).any():
        raise DataError(f"{where} has the label {int(flat.min())}; expected whole numbers from 0")
    if (flat.astype(np.float64) > LARGEST).any():
        raise DataError(
            f"{where} has the label {float(flat.max()):g}; expected whole numbers from 0 to the number of classes"
        )
    return flat.astype(np.int64)


def check_range(labels: npt.NDArray[np.int64], num_classes: int, where: str) -> None:
    """Check that labels lie in 0..num_classes-1. Raises: DataError."""
    if len(labels) and labels.max() >= num_classes:
        from_one = labels.min() == 1 and labels.max() == num_classes
        raise DataError(
            f"{where} has the label {labels.max()}; expected 0 to {num_classes - 1}, for {plural(num_classes, 'class')}"
            f"{'; the labels begin at 1: subtract 1 from all of them' if from_one else ''}"
        )


def _flat(labels: npt.NDArray[Any]) -> npt.NDArray[Any] | None:
    if labels.ndim == 1:
        return labels
    if labels.ndim == 2 and 1 in labels.shape:
        return labels.reshape(-1)
    one_hot = (
        labels.ndim == 2
        and labels.size > 0
        and bool(((labels == 0) | (labels == 1)).all() and (labels.sum(1) == 1).all())
    )
    return np.argmax(labels, 1) if one_hot else None


def _first_odd(flat: npt.NDArray[Any]) -> float:
    odd = ~np.isfinite(flat.astype(np.float64)) | (flat != np.floor(flat))
    return float(flat[odd][0])
