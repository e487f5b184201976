"""The difference in accuracy of two networks tested on the same images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from convstudy.statistics.accuracy import CONFIDENCE
from convstudy.statistics.folds import Folds, Sample, fold_error
from convstudy.statistics.groups import Table, by_group
from convstudy.statistics.margin import ErrorParts
from convstudy.statistics.paired_score import score_interval
from convstudy.statistics.variation import Answers, SeedVariation, cleared, image_variance, seed_variation


@dataclass(frozen=True)
class Difference:
    """The accuracy of one network minus that of another.

    `low` and `high` are the limits of its interval, `p_value` is for "they are equal".
    """

    value: float
    low: float
    high: float
    p_value: float


def accuracy_difference(
    a: Answers, b: Answers, confidence: float = CONFIDENCE, sample: Sample | None = None
) -> Difference:
    """Compare two tables of answers, seeds x images, to the same images; the numbers of seeds may differ.

    The interval and the p-value come from the same margins, which cover other test images (paired: the networks are
    compared image by image) and other seeds of either network. The variance is at least 1 / N^2, that of a single
    differing answer, so that two networks with identical answers do not get an interval of zero width.

    With a single seed each, other seeds cannot be covered: the interval is then Tango's score interval and the p-value
    is McNemar's exact one. The exact p-value may be above 0.05 although the interval just excludes zero.

    With groups as the `sample`, the margins cover other groups of images instead, for single seeds, too; with folds,
    the rows of the tables are repeats of a cross-validation, paired by fold.

    Raises: ValueError, if the numbers of images differ.

    >>> same = np.array([[True, False, True, True]])
    >>> accuracy_difference(same, same).p_value
    1.0
    """
    images = a.shape[1]
    if images != b.shape[1]:
        raise ValueError(f"paired answers must be to the same images; got {images} and {b.shape[1]} images")
    value = float(a.mean() - b.mean())
    if len(a) == len(b) == 1 and sample is None:
        low, high = score_interval(int((a & ~b).sum()), int((~a & b).sum()), images, confidence)
        return Difference(value, low, high, mcnemar_p(a[0], b[0]))
    parts = difference_error(a, b, sample)
    margin = parts.margin((1 - confidence) / 2)
    return Difference(value, max(value - margin, -1.0), min(value + margin, 1.0), parts.p_value(value))


def equivalent_within(a: Answers, b: Answers, level: float = 1 - CONFIDENCE, sample: Sample | None = None) -> float:
    """Return the smallest margin within which two networks are shown to have equal accuracy, by two one-sided tests.

    It is the farther limit of the interval of 1 - 2 x `level`. With a single seed each it is about these two runs.

    Source: Schuirmann 1987; Westlake 1972.

    >>> same = np.tile(np.arange(1000) < 900, (3, 1))
    >>> equivalent_within(same, same) < 0.002
    True
    """
    found = accuracy_difference(a, b, 1 - 2 * level, sample)
    return max(abs(found.low), abs(found.high))


def difference_error(a: Answers, b: Answers, sample: Sample | None = None) -> ErrorParts:
    """Return the variances of the difference.

    With groups as the `sample`, the variance of the images is that of groups; with folds, see `fold_error`.
    """
    if sample is None:
        return table_error(a.astype(np.float64), b.astype(np.float64), a.shape[1] - 1)
    if isinstance(sample, Folds):
        return fold_error(a.astype(np.float64) - b, sample)
    scores = a.mean(0) - b.mean(0)
    first, second = by_group(a, sample, scores), by_group(b, sample, scores)
    return table_error(first.influences, second.influences, first.freedom)


def table_error(a: Table, b: Table, freedom: float) -> ErrorParts:
    """Return the variances of the difference of two tables, seeds x images or seeds x groups."""
    images = a.shape[1]
    variations = [seed_variation(a), seed_variation(b)]
    image_part = cleared(image_variance(a.mean(0) - b.mean(0)), variations)
    image_part = max(image_part, 1 / images**2 - sum(variation.observed for variation in variations))
    return with_seeds(image_part, max(freedom, 1), variations)


def with_seeds(image_part: float, freedom: float, variations: Sequence[SeedVariation]) -> ErrorParts:
    """Return the variances of a difference with those of both networks' seeds.

    With equal numbers of seeds they have the degrees of freedom of Welch 1947, otherwise each has its own.
    """
    seed_part = sum(variation.observed for variation in variations)
    spread = sum(variation.observed**2 / (variation.seeds - 1) for variation in variations if variation.seeds > 1)
    sides: tuple[tuple[float, float], ...] = ()
    if len({variation.seeds for variation in variations}) > 1:
        sides = tuple((variation.observed, variation.seeds - 1.0) for variation in variations if variation.observed)
    return ErrorParts(image_part, freedom, seed_part, seed_part**2 / spread if spread > 0 else 1.0, sides)


def mcnemar_p(a: np.ndarray[tuple[int], np.dtype[np.bool_]], b: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> float:
    """Return McNemar's exact p-value for the answers of two runs, N each.

    Source: McNemar 1947; exact binomial form as in Dietterich 1998, section 3.1.
    """
    from statsmodels.stats.contingency_tables import mcnemar  # noqa: PLC0415 - slow to import

    table = [[(a & b).sum(), (a & ~b).sum()], [(~a & b).sum(), (~a & ~b).sum()]]
    return float(mcnemar(table, exact=True).pvalue)
