"""Adjustment of p-values for multiple comparisons."""

from __future__ import annotations

from collections.abc import Sequence


def holm(p_values: Sequence[float], most_true: int | None = None) -> list[float]:
    """Adjust p-values by Holm's method so that the probability of any false positive among them stays at the level.

    If at most `most_true` of the hypotheses can be true together, the factor is limited to that number.

    Source: Holm 1979; Shaffer 1986 for `most_true`, which statsmodels' `multipletests` does not offer.

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    >>> holm([0.01, 0.04, 0.03], most_true=1)
    [0.01, 0.04, 0.03]
    """
    count = len(p_values)
    adjusted, highest = [0.0] * count, 0.0
    for rank, index in enumerate(sorted(range(count), key=p_values.__getitem__)):
        still_true = min(count - rank, most_true if most_true is not None else count)
        highest = max(highest, min(still_true * p_values[index], 1.0))
        adjusted[index] = highest
    return adjusted
