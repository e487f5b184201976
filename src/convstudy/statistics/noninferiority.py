"""Which networks are shown to be no worse than the best, but for a margin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from scipy import stats

from convstudy.statistics.difference import difference_error
from convstudy.statistics.multiplicity import holm
from convstudy.statistics.paired_score import score
from convstudy.statistics.variation import Answers

MARGIN = 0.01  # a point of top-1
LEVEL = 0.025  # one-sided, the half of 5 %: ICH E9 1998, section 5.5


@dataclass(frozen=True)
class Noninferiority:
    """Whether a network is shown to be at most `margin` worse than the best of all, whichever that is.

    `p_value` is of "some network is better by the margin or more", adjusted for the number of networks.
    """

    margin: float
    p_value: float
    shown: bool


def margin_p_value(a: Answers, b: Answers, margin: float = MARGIN) -> float:
    """One-sided p-value of "the first network is worse than the second by the margin or more".

    Of two single runs it is that of Tango's score. Of several seeds it is that of the difference's margins, with a
    variance that is not taken below that of as many differing images as the margin is worth, all in one direction.

    >>> import numpy as np
    >>> same = np.arange(1000)[None] < 900
    >>> round(margin_p_value(same, same, 0.01), 5)
    0.00074
    """
    images = a.shape[1]
    if images != b.shape[1]:
        raise ValueError(f"paired answers must be for the same images; got {images} and {b.shape[1]}")
    if len(a) == len(b) == 1:
        return float(stats.norm.sf(score(int((a & ~b).sum()), int((~a & b).sum()), images, -margin)))
    parts = difference_error(a, b)
    parts = replace(parts, images=max(parts.images, margin * (1 - margin) / images - parts.seeds))
    above = float(a.mean() - b.mean()) + margin
    p_value = parts.p_value(above) / 2
    return p_value if above > 0 else 1 - p_value


def noninferiority(
    networks: Sequence[Answers], margin: float = MARGIN, level: float = LEVEL
) -> tuple[Noninferiority, ...]:
    """Ask of each network, seeds x images answers to the same images, whether it is non-inferior to the best.

    A network is compared with every other one, for the one that came out best need not be the best; it is the largest
    of these p-values that counts, so that nothing need be adjusted for them. Over the networks the p-values are
    adjusted by Holm's method, less one network: the best is never worse than itself. The chance that any network is
    wrongly called non-inferior is then at most `level`. The network that came out best may itself not be shown to be
    within the margin of the best.

    Raises: ValueError, for fewer than two networks, or a margin that is not above 0.

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
            f"non-inferiority needs two or more networks and a margin in 0..1; got {count} and a margin of {margin}"
        )
    worst = [
        max(margin_p_value(one, other, margin) for index, other in enumerate(networks) if index != own)
        for own, one in enumerate(networks)
    ]
    return tuple(Noninferiority(margin, p_value, p_value <= level) for p_value in holm(worst, most_true=count - 1))


def cheapest_noninferior(results: Sequence[Noninferiority], costs: Sequence[float]) -> int | None:
    """The index of the cheapest network that is shown non-inferior; None where none is.

    >>> shown, not_shown = Noninferiority(0.01, 0.001, True), Noninferiority(0.01, 0.4, False)
    >>> cheapest_noninferior([shown, shown, not_shown], costs=[11.2e6, 0.27e6, 61_706])
    1
    """
    shown = [index for index, (result, _) in enumerate(zip(results, costs, strict=True)) if result.shown]
    return min(shown, key=costs.__getitem__, default=None)
