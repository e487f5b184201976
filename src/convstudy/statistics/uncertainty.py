"""Where the uncertainty of a difference comes from, and what would reduce it."""

from __future__ import annotations

from dataclasses import dataclass

from convstudy.statistics.accuracy import CONFIDENCE
from convstudy.statistics.difference import difference_error
from convstudy.statistics.margin import ErrorParts
from convstudy.statistics.power import PairVariance
from convstudy.statistics.variation import Answers

MORE = 2  # times as many seeds, or images


@dataclass(frozen=True, kw_only=True)
class Uncertainty:
    """The shares of the variance of a difference, which add up to 1, and the half-width of its interval.

    `interaction` is of single answers: that a seed is better on some images and worse on others. More seeds reduce
    the shares of seeds and of the interaction, more images those of images and of the interaction.
    """

    seeds: float
    images: float
    interaction: float
    margin: float  # of a 95% interval of this pair alone, by these components
    margin_with_seeds: float  # with twice the seeds of both networks
    margin_with_images: float  # with twice the test images

    @property
    def more_images(self) -> bool:
        """Whether twice the test images would narrow the interval more than twice the seeds."""
        return self.margin_with_images < self.margin_with_seeds


def uncertainty(a: Answers, b: Answers, confidence: float = CONFIDENCE) -> Uncertainty | None:
    """Return where the uncertainty of the difference of two networks comes from.

    `a` and `b` are seeds x images answers to the same images. None if a network has a single seed, which says nothing
    about seeds, or if both networks give the same answers in all runs.

    >>> import numpy as np
    >>> stream = np.random.default_rng(0)
    >>> a, b = (stream.random((3, 500)) < chance for chance in (0.9, np.array([[0.7], [0.8], [0.9]])))
    >>> found = uncertainty(a, b)
    >>> found.seeds > 0.5, found.more_images
    (True, False)
    """
    if min(len(a), len(b)) < 2:
        return None
    variance, counts, images = PairVariance.of(a, b), (len(a), len(b)), a.shape[1]
    of_images = variance.images / images
    of_seeds = sum(each / count for each, count in zip(variance.seeds, counts, strict=True))
    mixed = sum(each / count / images for each, count in zip(variance.interactions, counts, strict=True))
    whole = of_images + of_seeds + mixed
    if not whole:
        return None
    tail = (1 - confidence) / 2
    margin = difference_error(a, b).margin(tail)  # the components are at least zero, and give another one if they are
    scale = margin / _error(variance, counts, images).margin(tail)
    more = tuple(MORE * count for count in counts)
    return Uncertainty(
        seeds=of_seeds / whole,
        images=of_images / whole,
        interaction=mixed / whole,
        margin=margin,
        margin_with_seeds=scale * _error(variance, more, images).margin(tail),
        margin_with_images=scale * _error(variance, counts, MORE * images).margin(tail),
    )


def _error(variance: PairVariance, counts: tuple[int, ...], images: int) -> ErrorParts:
    parts = [
        of_seed / count + of_answer / (count * images)
        for of_seed, of_answer, count in zip(variance.seeds, variance.interactions, counts, strict=True)
    ]
    squares = sum(part**2 / (count - 1) for part, count in zip(parts, counts, strict=True))
    freedom = sum(parts) ** 2 / squares if squares > 0 else 1.0
    return ErrorParts(variance.images / images, images - 1, sum(parts), freedom)
