"""Test images in groups, such as the photographs of a patient or the frames of a video: groups are the sample.

Images of a group depend on each other. Their influences are therefore added up, so that a table of seeds x images
becomes one of seeds x groups, with the same mean per seed, and everything that is estimated from tables takes groups in
place of images: the cluster-robust variance. Its bias and its degrees of freedom follow from the sizes of the groups
and from the correlation within them, so that few groups of unequal sizes do not give narrow intervals.

Source: Liang & Zeger 1986; Bell & McCaffrey 2002 and Imbens & Kolesar 2016 for bias and degrees of freedom.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Groups = npt.NDArray[np.int64]  # images: the number of each image's group, from 0 without gaps
Table = npt.NDArray[np.float64]


@dataclass(frozen=True)
class GroupedTable:
    """Influences by group, seeds x groups, and the degrees of freedom of their variance."""

    influences: Table
    freedom: float


@dataclass(frozen=True)
class GroupVariance:
    """What the sizes of groups and the correlation within them say about the variance of a mean over images.

    `correction` is the factor that makes the sum of squares over groups unbiased, G / (G - 1) for equal sizes, and
    `freedom` are its degrees of freedom, G - 1 for equal sizes.
    """

    correction: float
    freedom: float

    @classmethod
    def of(cls, sizes: npt.NDArray[np.float64], correlation: float) -> GroupVariance:
        """Return both for groups of these sizes.

        >>> round(GroupVariance.of(np.full(20, 10.0), 0.3).freedom, 1)
        19.0
        >>> round(GroupVariance.of(np.array([91.0] + [1.0] * 9), 0.3).freedom, 1)
        1.6
        """
        count = sizes.sum()
        variances = sizes * (1 + (sizes - 1) * correlation)
        whole, square = variances.sum(), (sizes**2).sum()
        mixed, ratio = (variances * sizes).sum(), whole / count**2
        expected = whole - 2 * mixed / count + ratio * square
        # of M = diag(v) - (v n' + n v') / N + V n n' / N^2, the covariance of the residuals, the sum of squares
        outer = 2 * ((variances**2).sum() * square + mixed**2) / count**2
        outer += ratio**2 * square**2 - 4 * ratio * mixed * square / count
        diagonal = (variances * (ratio * sizes**2 - 2 * variances * sizes / count)).sum()
        squares = (variances**2).sum() + outer + 2 * diagonal
        if expected <= 0 or squares <= 0:  # a single group
            return cls(1.0, 1.0)
        return cls(float(whole / expected), max(float(expected**2 / squares), 1.0))


def by_group(influences: npt.NDArray[np.generic], groups: Groups, scores: Table | None = None) -> GroupedTable:
    """Add up the influences of each group; the mean of each seed stays the same.

    `scores`, one per image, are those whose variance is to be estimated: by default the means over seeds.

    >>> table = by_group(np.array([[1.0, 1.0, 0.0, 0.0]]), np.array([0, 0, 1, 1]))
    >>> table.influences.tolist(), table.freedom
    ([[1.0, 0.0]], 1.0)
    """
    values = influences.astype(np.float64)
    sizes = np.bincount(groups).astype(np.float64)
    variance = GroupVariance.of(sizes, correlation_within(values.mean(0) if scores is None else scores, groups))
    means = values.mean(1, keepdims=True)
    sums = np.stack([np.bincount(groups, row, len(sizes)) for row in values - means])
    usual = len(sizes) / max(len(sizes) - 1, 1)  # by which the variance of a sample is multiplied
    scale = len(sizes) / len(groups) * (variance.correction / usual) ** 0.5
    return GroupedTable(means + scale * sums, variance.freedom)


def correlation_within(scores: Table, groups: Groups) -> float:
    """Return the intraclass correlation of scores in groups, by the analysis of variance, from 0 to 1.

    Source: Donner & Koval 1980.

    >>> correlation_within(np.array([1.0, 1.0, 0.0, 0.0]), np.array([0, 0, 1, 1]))
    1.0
    """
    sizes = np.bincount(groups)
    count, number = len(scores), len(sizes)
    if number < 2 or number == count:
        return 1.0
    means = np.bincount(groups, scores) / sizes
    between = float((sizes * (means - scores.mean()) ** 2).sum() / (number - 1))
    within = float(((scores - means[groups]) ** 2).sum() / (count - number))
    usual = (count - float((sizes**2).sum()) / count) / (number - 1)
    whole = between + (usual - 1) * within
    return min(max((between - within) / whole, 0.0), 1.0) if whole > 0 else 1.0


def numbered_groups(names: Sequence[str]) -> Groups:
    """Return the number of each image's group, by its name, in the order in which groups first occur.

    >>> numbered_groups(["b", "a", "b"]).tolist()
    [0, 1, 0]
    """
    numbers = {name: number for number, name in enumerate(dict.fromkeys(names))}
    return np.array([numbers[name] for name in names], np.int64)
