"""Statistical power: the difference a study can show, and the size needed to show a given one."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass, replace
from math import ceil, exp, log

import scipy

from convstudy.statistics.accuracy import CONFIDENCE
from convstudy.statistics.difference import difference_error
from convstudy.statistics.folds import Folds, Sample
from convstudy.statistics.groups import Table, by_group
from convstudy.statistics.margin import ErrorParts
from convstudy.statistics.variation import Answers, cleared, image_variance, seed_variation

LEVEL = 0.05
POWER = 0.8  # Cohen 1988, section 2.4: one true difference in five is missed
TAIL = (1 - CONFIDENCE) / 2
MOST_SEEDS = 1000
MOST_IMAGES = 10_000_000


@dataclass(frozen=True, kw_only=True)
class SizeNeeded:
    """The size of a study that would show a given true difference of two networks with 80% power.

    `seeds` are per network on the same test images, `fewest` and `most` their 95% limits, because the variance of few
    seeds is hardly known; None means more than 1,000. `images` is None if these test images are enough; otherwise no
    number of seeds is, and `images` are those with which 1,000 seeds would be.
    """

    difference: float
    seeds: int | None
    fewest: int | None
    most: int | None
    images: int | None


@dataclass(frozen=True)
class PairVariance:
    """The variance components of a difference, for one image and one seed per network."""

    images: float
    seeds: tuple[float, float]
    interactions: tuple[float, float]  # of single answers

    @classmethod
    def of(cls, a: Answers | Table, b: Answers | Table) -> PairVariance:
        """Estimate the components from seeds x images answers of two networks to the same images."""
        variations = [seed_variation(a), seed_variation(b)]
        images = a.shape[1]
        seeds = [max(v.observed - v.interaction, 0.0) * v.seeds for v in variations]
        interactions = [v.interaction * v.seeds * images for v in variations]
        image_part = cleared(image_variance(a.mean(0) - b.mean(0)), variations) * images
        return cls(image_part, (seeds[0], seeds[1]), (interactions[0], interactions[1]))

    def with_seeds_times(self, factor: float, images: int) -> PairVariance:
        """Return the components if the observed variance of the seeds, on so many images, were `factor` times it."""
        first, second = (
            max(factor * (of_seed + of_answer / images) - of_answer / images, 0.0)
            for of_seed, of_answer in zip(self.seeds, self.interactions, strict=True)
        )
        return replace(self, seeds=(first, second))

    def error(self, seeds: int, images: int) -> ErrorParts:
        """Return the variances of the difference of two networks with this many seeds each, on this many images."""
        parts = [
            of_seed / seeds + of_answer / (seeds * images)
            for of_seed, of_answer in zip(self.seeds, self.interactions, strict=True)
        ]
        squares = sum(part**2 for part in parts)
        image_part = max(self.images / images, 1 / images**2 - sum(parts))
        freedom = sum(parts) ** 2 / squares * (seeds - 1) if squares > 0 and seeds > 1 else 1.0
        return ErrorParts(image_part, max(images - 1, 1), sum(parts), freedom)


def size_needed(
    a: Answers, b: Answers, difference: float, level: float = LEVEL, power: float = POWER, sample: Sample | None = None
) -> SizeNeeded | None:
    """Return the size of a study that shows this true difference of two networks with the given power.

    `a` and `b` are seeds x images answers to the same images; the difference is one that matters to the reader, not the
    observed one, by which a study of few seeds would need anything. The limits follow from the chi-squared distribution
    of the seeds' variance, with Welch's degrees of freedom. With groups as the `sample`, images are in groups of the
    same sizes. None with folds or a single seed, which say nothing about that.

    Raises: ValueError, if the numbers of images or of seeds differ.

    >>> import numpy as np
    >>> stream = np.random.default_rng(0)
    >>> a, b = (stream.random((5, 2000)) < 0.9 + 0.01 * stream.normal(size=(5, 1)) for _ in range(2))
    >>> found = size_needed(a, b, 0.02)
    >>> found.fewest < found.seeds < found.most, found.images
    (True, None)
    """
    if a.shape != b.shape:
        raise ValueError(f"power needs equal numbers of seeds and the same images; got {a.shape} and {b.shape}")
    if len(a) < 2 or isinstance(sample, Folds):
        return None
    tables: tuple[Answers | Table, Answers | Table] = (a, b)
    if sample is not None:
        scores = a.mean(0) - b.mean(0)
        tables = by_group(a, sample, scores).influences, by_group(b, sample, scores).influences
    columns = tables[0].shape[1]
    variance, freedom = PairVariance.of(*tables), difference_error(a, b, sample).seeds_freedom
    seeds, fewest, most = (
        seeds_needed(variance.with_seeds_times(factor, columns), difference, columns, level, power)
        for factor in (1.0, freedom / _chi_squared(freedom, 1 - TAIL), freedom / _chi_squared(freedom, TAIL))
    )
    images = None
    if fewest is None:
        found = images_needed(variance, difference, MOST_SEEDS, level, power)
        images = None if found is None or found <= columns else ceil(found * a.shape[1] / columns)
    return SizeNeeded(difference=difference, seeds=seeds, fewest=fewest, most=most, images=images)


def _chi_squared(freedom: float, share: float) -> float:
    return float(scipy.special.chdtri(freedom, 1 - share))


def detectable_difference(parts: ErrorParts, level: float = LEVEL, power: float = POWER) -> float:
    """Return the true difference that a two-sided test shows, in the right direction, with this power.

    The power is that of a t test with the same critical value.

    >>> round(detectable_difference(ErrorParts(1.0, 1e6)), 2)  # 1.96 + 0.84
    2.8
    """
    error, critical = parts.standard_error, parts.margin(level / 2) / parts.standard_error
    freedom = scipy.optimize.brentq(
        lambda log_freedom: -scipy.special.stdtrit(exp(log_freedom), level / 2) - critical, log(0.5), log(1e12)
    )
    return error * float(scipy.special.nctdtrinc(exp(float(freedom)), 1 - power, critical))


def seeds_needed(
    variance: PairVariance, difference: float, images: int, level: float = LEVEL, power: float = POWER
) -> int | None:
    """Return the seeds per network that show this difference on this many images, or None if 1,000 are not enough.

    >>> seeds_needed(PairVariance(0.0, (1.0, 1.0), (0.0, 0.0)), 0.5, 10_000)  # Cohen 1988, Table 2.4.1
    64
    """
    return _fewest(lambda seeds: variance.error(seeds, images), difference, MOST_SEEDS, level, power)


def images_needed(
    variance: PairVariance, difference: float, seeds: int, level: float = LEVEL, power: float = POWER
) -> int | None:
    """Return the test images that show this difference with this many seeds, or None if 10 million are not enough."""
    return _fewest(lambda images: variance.error(seeds, images), difference, MOST_IMAGES, level, power)


def _fewest(
    error_of: Callable[[int], ErrorParts], difference: float, most: int, level: float, power: float
) -> int | None:
    def is_enough(count: int) -> bool:
        return detectable_difference(error_of(count), level, power) <= difference

    if difference == 0 or not is_enough(most):
        return None
    return 2 + bisect_left(range(2, most), True, key=is_enough)
