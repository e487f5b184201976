"""Cross-validation: every image is tested once per repeat, by a network that was trained on the other folds.

The training sets of two folds share most of their images, so their results depend on each other, and their variance
alone is too small. Nadeau & Bengio add a share of it: with K folds and R repeats, the variance of the mean over all
runs is s^2 (1 / (K R) + 1 / (K - 1)), where s^2 is that of the folds. The first term has the few degrees of freedom of
the runs. The second one, which does not shrink with more repeats, is estimated from the images (or groups) instead,
whose number is larger: s^2 is about K times the variance of a mean over all images.

Source: Nadeau & Bengio 2003, equation 9; Bouckaert & Frank 2004 for repeated cross-validation.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from convstudy.statistics.groups import Groups, Table, by_group
from convstudy.statistics.margin import ErrorParts
from convstudy.statistics.variation import image_variance


@dataclass(frozen=True)
class Folds:
    """The fold in which each image was tested, from 0, repeats x images; and the groups of the images, if any."""

    of: npt.NDArray[np.int64]
    groups: Groups | None = None

    @property
    def count(self) -> int:
        """Number of folds."""
        return int(self.of.max()) + 1

    @property
    def runs(self) -> int:
        """Number of trained networks: folds times repeats."""
        return self.count * len(self.of)

    @property
    def units(self) -> Groups:
        """The unit that each image belongs to: its group, or itself."""
        return np.arange(self.of.shape[1]) if self.groups is None else self.groups


def units_of(sample: Groups | Folds) -> Groups:
    """Return the unit that each image belongs to."""
    return sample.units if isinstance(sample, Folds) else sample


Sample = Groups | Folds  # the groups of independent test images' sample, or the folds of a cross-validation


def fold_error(values: Table, folds: Folds, least: float | None = None) -> ErrorParts:
    """Return the variances of the mean of values, repeats x images, such as differences of right answers.

    That from images is at least `least`, by default that of a single image or group in which the values differ.

    >>> folds = Folds(np.arange(100)[None] % 5)
    >>> round(fold_error(np.zeros((1, 100)), folds).margin(0.025), 3)
    0.022
    """
    means = [values[repeat][of == fold].mean() for repeat, of in enumerate(folds.of) for fold in range(folds.count)]
    tables = [by_group(row[None], folds.units) for row in values]
    of_units = float(np.mean([image_variance(table.influences[0]) for table in tables]))
    of_units = max(of_units, 1 / tables[0].influences.shape[1] ** 2 if least is None else least)
    freedom = min(table.freedom for table in tables)
    shared = folds.count / (folds.count - 1)
    of_runs = float(np.var(means, ddof=1)) / len(means)
    return ErrorParts(shared * of_units, freedom, of_runs, len(means) - 1)
