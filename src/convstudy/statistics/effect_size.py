"""Effect sizes: how large a difference is, regardless of its uncertainty."""

from __future__ import annotations

from convstudy.statistics.variation import Answers


def cohens_g(a: Answers, b: Answers) -> float | None:
    """Return Cohen's g of two single runs.

    This is the first run's share of the images that exactly one run got right, minus 1/2. It accompanies McNemar's test
    and lies between -1/2 and 1/2; Cohen calls 0.05 small, 0.15 medium and 0.25 large. It is None if the runs are right
    on the same images.

    Raises: ValueError, for more than one seed, because runs of several seeds are not independent.

    Source: Cohen 1988, Statistical Power Analysis, chapter 5.

    >>> import numpy as np
    >>> cohens_g(np.array([[True, True, True, False]]), np.array([[False, False, True, True]])).__round__(3)
    0.167
    """
    if len(a) != 1 or len(b) != 1:
        raise ValueError(f"Cohen's g needs two single runs; got {len(a)} and {len(b)} seeds")
    first, second = int((a & ~b).sum()), int((~a & b).sum())
    return first / (first + second) - 0.5 if first + second else None


def standardized_difference(a: Answers, b: Answers) -> float | None:
    """Return Cohen's d_z: the mean over images of the paired difference, divided by its standard deviation.

    The difference on one image is the share of seeds with which the first network got it right, minus that of the
    second. It depends on how much the seeds disagree, so compare it only between pairs with equal numbers of seeds. It
    is None if the difference is the same on every image.

    Source: Cohen 1988, section 2.3.5; Lakens 2013.

    >>> import numpy as np
    >>> standardized_difference(np.array([[True, True, True, False]]), np.array([[False, True, True, False]]))
    0.5
    """
    difference = a.mean(0) - b.mean(0)
    spread = float(difference.std(ddof=1)) if len(difference) > 1 else 0.0
    return float(difference.mean()) / spread if spread > 0 else None
