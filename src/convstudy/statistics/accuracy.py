"""Top-1 accuracy over seeds, or any other metric, with its confidence interval."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, log

import numpy as np
import numpy.typing as npt
import scipy

from convstudy.statistics.margin import ErrorParts
from convstudy.statistics.score_margins import Shares, score_margins
from convstudy.statistics.variation import Answers, cleared, image_variance, seed_variation

CONFIDENCE = 0.95
FEW_ERRORS = 3  # of the smallest class; with more, an interval is always lower than that of no error


@dataclass(frozen=True)
class Interval:
    """An estimate with its lower and upper limits."""

    value: float
    low: float
    high: float


def accuracy_interval(answers: Answers, confidence: float = CONFIDENCE) -> Interval:
    """Return the mean accuracy of seeds x images answers, with its interval.

    The interval covers other seeds and other test images. The margins for images and for seeds, each with its own
    quantile (for seeds that of Student's t), are combined in quadrature: with few seeds the interval is wide because of
    their own quantile, even if their sample variance happens to be small. Its limits are those of Wilson's interval for
    as many images as would give that margin. For a single seed it is Wilson's interval, which covers other test images
    only.

    Source: Wilson 1927; Howe 1974 and Zou & Donner 2008 for the sum of two margins; Korn & Graubard 1998 for the
    effective number of images (they use it with the limits of Clopper & Pearson).

    >>> interval = accuracy_interval(np.array([[True] * 90 + [False] * 10]))
    >>> [round(limit, 4) for limit in (interval.low, interval.value, interval.high)]
    [0.8256, 0.9, 0.9448]
    """
    if len(answers) == 1:
        return _wilson(float(answers.mean()), answers.shape[1], confidence)
    return share_interval(answers.astype(np.float64), confidence=confidence)


def share_interval(
    influences: npt.NDArray[np.float64],
    shares: Shares | None = None,
    sizes: Shares | None = None,
    confidence: float = CONFIDENCE,
) -> Interval:
    """Return a metric between 0 and 1 with its interval, from seeds x images influences; see `accuracy_interval`.

    If the metric is a mean over classes, `shares` are those of the classes and `sizes` their numbers of images; the
    limits are then those of `score_margins`, which know that a small class without errors may still have some. The
    influences only say how the variance of the metric compares with that of independent answers; that of one error is
    added to both, because near the ceiling their ratio is otherwise that of a few errors. No limit is better than that
    of answers that are all right, or worse than that of answers that are all wrong.
    """
    seeds, images = influences.shape
    value = min(max(float(influences.mean()), 0.0), 1.0)
    if shares is None or sizes is None:
        shares, sizes = np.array([value]), np.array([float(images)])
    tail = (1 - confidence) / 2
    variation = seed_variation(influences)
    of_images = cleared(image_variance(influences.mean(0)), [variation])
    one_error = 1 / images**2
    independent = float((shares * (1 - shares) / sizes).sum()) / len(shares) ** 2 + one_error
    of_seeds = (scipy.special.stdtrit(max(seeds - 1, 1), tail) / scipy.special.ndtri(tail)) ** 2 * variation.observed
    ratio = (of_images + one_error + float(of_seeds)) / independent
    below, above = score_margins(shares, sizes, tail, ratio)
    low, high, few = value - below, value + above, FEW_ERRORS / (len(sizes) * float(sizes.min()))
    if 1 - value < few:
        low = min(low, 1 - score_margins(np.ones_like(shares), sizes, tail)[0])
    if value < few:
        high = max(high, score_margins(np.zeros_like(shares), sizes, tail)[1])
    return Interval(value, max(low, 0.0), min(high, 1.0))


def loss_interval(influences: npt.NDArray[np.float64], confidence: float = CONFIDENCE) -> Interval:
    """Return a metric above 0 with its interval, from seeds x images influences, on the logarithmic scale.

    >>> interval = loss_interval(np.array([[0.1, 0.2, 0.3, 0.2]]))
    >>> [round(limit, 3) for limit in (interval.low, interval.value, interval.high)]
    [0.104, 0.2, 0.383]
    """
    value = float(influences.mean())
    margin = _margin(influences, confidence) / value if value > 0 else 0.0
    return (
        Interval(value, exp(log(value) - margin), exp(log(value) + margin)) if margin else Interval(value, value, value)
    )


def _margin(influences: npt.NDArray[np.float64], confidence: float) -> float:
    seeds, images = influences.shape
    variation = seed_variation(influences)
    image_part = cleared(image_variance(influences.mean(0)), [variation])
    parts = ErrorParts(image_part, max(images - 1, 1), variation.observed, max(seeds - 1, 1))
    return parts.margin((1 - confidence) / 2)


def _wilson(share: float, images: int, confidence: float) -> Interval:
    from statsmodels.stats.proportion import proportion_confint  # noqa: PLC0415 - slow to import

    low, high = proportion_confint(share * images, images, alpha=1 - confidence, method="wilson")
    return Interval(share, float(low), float(high))
