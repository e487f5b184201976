"""Folds of a cross-validation: stratified, with images that belong together in one fold."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from convstudy.data.image_set import DataSet, ImageSet
from convstudy.data.split import counts_of, units_of
from convstudy.errors import DataError


def fold_numbers(images: ImageSet, folds: int, repeat: int) -> npt.NDArray[np.int64]:
    """Return the fold of each image, from 0; another `repeat` is another partition.

    Large units of images that belong together are placed first, those of about the same size in random order, each in
    the fold that has the fewest images of its classes. With images that do not belong together, each fold has the
    images of a class to within one.

    Raises: DataError, if a class would be left with less than two units to train and validate on.
    """
    unit = units_of(images)
    names, counts = counts_of(images.labels, unit)
    shares = counts / counts.sum(0)
    order = np.random.default_rng([folds, repeat]).permutation(len(names))
    order = order[np.argsort(-np.log2(counts.sum(1))[order].round(), kind="stable")]
    had, of_unit, units = np.zeros((folds, counts.shape[1])), np.empty(len(names), np.int64), np.zeros(folds)
    for place in order.tolist():
        own = shares[place] > 0
        cost = ((had[:, own] + shares[place, own]) ** 2 - had[:, own] ** 2).sum(1)
        fold = int(np.lexsort((units, cost.round(12)))[0])
        had[fold] += shares[place]
        units[fold] += counts[place].sum()
        of_unit[place] = fold
    _check(counts > 0, of_unit, folds, np.unique(images.labels), grouped=bool(images.groups))
    return of_unit[np.searchsorted(names, unit)]


def in_fold(data: DataSet, folds: int, seed: int) -> DataSet:
    """Return the data of one run of a cross-validation, by its seed: one fold to test on, and the others to train on.

    Seeds 0 to `folds` - 1 are the folds of the first repeat, the next ones those of the second, and so on. Both parts
    share the images of the data.
    """
    repeat, fold = divmod(seed, folds)
    numbers = fold_numbers(data.train, folds, repeat)
    whole = data.train.sharing()
    train, test = (whole.chosen(np.flatnonzero(part)) for part in (numbers != fold, numbers == fold))
    return replace(data, train=train, test=test)


def _check(
    has: npt.NDArray[np.bool_],
    fold: npt.NDArray[np.int64],
    folds: int,
    labels: npt.NDArray[np.int64],
    *,
    grouped: bool,
) -> None:
    """Check each class, given which units have it, and the fold of each unit. Raises: DataError."""
    units = "groups" if grouped else "different images"
    if len(np.unique(fold)) < folds:
        raise DataError(
            f"folds is {folds}, but only {len(fold)} {units} can be tested apart",
            setting="folds",
        )
    for label, of_class in zip(labels.tolist(), has.T, strict=True):
        most = int(np.bincount(fold[of_class], minlength=folds).max())
        if of_class.sum() - most < 2:
            raise DataError(
                f"folds is {folds}, but class {label} has {of_class.sum()} {units}, of which two or more must be left "
                "to train and validate on when a fold is tested",
                setting="folds",
            )
