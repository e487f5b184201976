"""A comparison of two networks, in a sentence."""

from __future__ import annotations

from convstudy.statistics import Difference

LEVEL = 0.05  # a difference is called shown when its p-value is below this


def p_value_text(p_value: float) -> str:
    """
    >>> [p_value_text(p) for p in (0.0004, 0.0021, 0.41)]
    ['p < 0.001', 'p = 0.002', 'p = 0.41']
    """
    if p_value < 0.001:
        return "p < 0.001"
    return f"p = {p_value:.3f}" if p_value < 0.1 else f"p = {p_value:.2f}"


def better_of(a: str, b: str, difference: Difference) -> str | None:
    """The name of the better network; None where no difference is shown."""
    if difference.p_value >= LEVEL or difference.value == 0:
        return None
    return a if difference.value > 0 else b


def verdict(a: str, b: str, difference: Difference, *, adjusted: bool = False) -> str:
    """Say which network is better and how sure that is, in points of top-1.

    >>> verdict("net", "resnet34", Difference(-0.019, -0.030, -0.008, 0.002))
    'resnet34 is better than net by 1.9 points (95 % interval 0.8 to 3.0, p = 0.002)'
    >>> verdict("net", "lenet5", Difference(0.004, -0.006, 0.014, 0.43))
    'no difference shown between net and lenet5: net is ahead by 0.4 points (95 % interval -0.6 to 1.4, p = 0.43)'
    """
    ahead, behind = (a, b) if difference.value >= 0 else (b, a)
    low, high = sorted(
        abs(difference.value) / difference.value * limit if difference.value else limit
        for limit in (difference.low, difference.high)
    )
    how_sure = f"95 % interval {100 * low:.1f} to {100 * high:.1f}, {p_value_text(difference.p_value)}"
    how_sure += " after Holm" if adjusted else ""
    points = f"{100 * abs(difference.value):.1f} points"
    if better_of(a, b, difference):
        return f"{ahead} is better than {behind} by {points} ({how_sure})"
    if difference.value == 0:
        return f"no difference shown between {a} and {b}: equal top-1 ({how_sure})"
    return f"no difference shown between {a} and {b}: {ahead} is ahead by {points} ({how_sure})"
