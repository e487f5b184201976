"""Non-inferiority: which networks are shown to be within a margin of the best."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import scipy

from convstudy.statistics.difference import difference_error
from convstudy.statistics.folds import Sample, units_of
from convstudy.statistics.grown import Looks
from convstudy.statistics.multiplicity import holm
from convstudy.statistics.paired_score import score
from convstudy.statistics.variation import Answers

MARGIN = 0.01  # one percentage point of top-1
LEVEL = 0.025  # one-sided, half of 5%: ICH E9 1998, section 5.5


@dataclass(frozen=True)
class Noninferiority:
    """Whether a network is shown to be at most `margin` worse than the best network, whichever that is.

    `p_value` is for "some network is better by the margin or more", adjusted for the number of networks.
    """

    margin: float
    p_value: float
    shown: bool


def margin_p_value(a: Answers, b: Answers, margin: float = MARGIN, sample: Sample | None = None) -> float:
    """Return the one-sided p-value of "the first network is worse than the second by the margin or more".

    For two single runs it comes from Tango's score. For several seeds it comes from the margins of the difference, with
    a variance at least as large as if the images worth the margin differed, all in one direction. If the images come
    in groups or are tested in folds, the `sample`, it comes from the margins in any case.

    >>> import numpy as np
    >>> same = np.arange(1000)[None] < 900
    >>> round(margin_p_value(same, same, 0.01), 5)
    0.00074
    """
    images = a.shape[1]
    if images != b.shape[1]:
        raise ValueError(f"paired answers must be to the same images; got {images} and {b.shape[1]} images")
    if len(a) == len(b) == 1 and sample is None:
        return float(scipy.stats.norm.sf(score(int((a & ~b).sum()), int((~a & b).sum()), images, -margin)))
    parts = difference_error(a, b, sample)
    units = images if sample is None else int(units_of(sample).max()) + 1
    parts = replace(parts, images=max(parts.images, margin * (1 - margin) / units - parts.seeds))
    above = float(a.mean() - b.mean()) + margin
    p_value = parts.p_value(above) / 2
    return p_value if above > 0 else 1 - p_value


def noninferiority(
    networks: Sequence[Answers],
    margin: float = MARGIN,
    level: float = LEVEL,
    looks: Looks | None = None,
    sample: Sample | None = None,
) -> tuple[Noninferiority, ...]:
    """Test for each network, seeds x images answers to the same images, whether it is non-inferior to the best.

    A network is compared with every other one, because the one with the highest accuracy need not be the best. The
    largest of these p-values counts, so that they need no adjustment among themselves. Over the networks, the p-values
    are adjusted by Holm's method with one network fewer, because the best network is never worse than itself. The
    probability that any network is wrongly called non-inferior is then at most `level`. Even the network with the
    highest accuracy may not be shown to be within the margin of the best. With `looks`, p-values are adjusted for all.

    Raises: ValueError, for fewer than two networks or a margin that is not between 0 and 1.

    Source: Berger 1982 for the largest p-value; Hsu 1984 for comparisons with the best; Holm 1979 and Shaffer 1986 for
    the adjustment.

    >>> import numpy as np
    >>> good, bad = np.arange(2000)[None] < 1900, np.arange(2000)[None] < 1800
    >>> [result.shown for result in noninferiority([good, good, bad])]
    [True, True, False]
    """
    count = len(networks)
    if count < 2 or not 0 < margin < 1:
        raise ValueError(
            f"non-inferiority needs two or more networks and a margin between 0 and 1; got {count} and {margin}"
        )
    worst = [
        max(margin_p_value(one, other, margin, sample) for index, other in enumerate(networks) if index != own)
        for own, one in enumerate(networks)
    ]
    if looks:
        worst = [looks.adjusted_one_sided(p_value) for p_value in worst]
    return tuple(Noninferiority(margin, p_value, p_value <= level) for p_value in holm(worst, most_true=count - 1))


def cheapest_noninferior(results: Sequence[Noninferiority], costs: Sequence[float]) -> int | None:
    """Return the index of the cheapest network that is shown to be non-inferior, or None if there is none.

    >>> shown, not_shown = Noninferiority(0.01, 0.001, True), Noninferiority(0.01, 0.4, False)
    >>> cheapest_noninferior([shown, shown, not_shown], costs=[11.2e6, 0.27e6, 61_706])
    1
    """
    shown = [index for index, (result, _) in enumerate(zip(results, costs, strict=True)) if result.shown]
    return min(shown, key=costs.__getitem__, default=None)
