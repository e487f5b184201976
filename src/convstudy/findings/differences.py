"""Differences between networks over their runs, and what they show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import exp, isfinite, log

from convstudy.findings.finding import Answer, Estimate, Unit

MARGIN = 0.01  # within which an error rate is called not higher


def welch(of: str, a: Sequence[float], b: Sequence[float], unit: Unit = Unit.POINTS) -> Estimate:
    """Return the mean of `a` minus that of `b` over independent runs, with Welch's interval and p-value.

    Without variation on either side, or with a single run, there is no interval.

    Source: Welch 1947, as in `scipy.stats.ttest_ind`.

    >>> found = welch("error", [0.30, 0.32, 0.31], [0.10, 0.12, 0.11])
    >>> round(found.value, 3), round(found.low, 3), round(found.high, 3)
    (0.2, 0.177, 0.223)
    """
    from scipy.stats import ttest_ind  # noqa: PLC0415 - slow to import

    value = sum(a) / len(a) - sum(b) / len(b)
    if min(len(a), len(b)) < 2 or (len(set(a)) == 1 and len(set(b)) == 1):
        return Estimate(of=of, value=value, unit=unit)
    test = ttest_ind(a, b, equal_var=False)
    limits = test.confidence_interval(0.95)
    return Estimate(
        of=of, value=value, low=float(limits.low), high=float(limits.high), p_value=float(test.pvalue), unit=unit
    )


def ratio(of: str, a: Sequence[float], b: Sequence[float]) -> Estimate:
    """Return the geometric mean of `a` over that of `b`, with Welch's interval of the logarithms.

    >>> found = ratio("seconds", [20.0, 22.0], [10.0, 11.0])
    >>> round(found.value, 3), found.low < 2 < found.high
    (2.0, True)
    """
    logs = welch(of, [log(each) for each in a], [log(each) for each in b], Unit.TIMES)
    low, high = (None if limit is None else exp(limit) for limit in (logs.low, logs.high))
    return replace(logs, value=exp(logs.value), low=low, high=high)


def above(estimate: Estimate, reference: float = 0.0) -> Answer:
    """Return whether a value is shown to be above a reference: by its interval.

    >>> above(Estimate(of="x", value=0.2, low=0.1, high=0.3)), above(Estimate(of="x", value=0.2, low=-0.1, high=0.5))
    (<Answer.YES: 'yes'>, <Answer.UNDECIDED: 'not decided'>)
    """
    low, high = _limits(estimate)
    if low > reference:
        return Answer.YES
    return Answer.NO if high < reference else Answer.UNDECIDED


def not_above(estimate: Estimate, margin: float = MARGIN) -> Answer:
    """Return whether a difference is shown to be at most the margin (yes), or above 0 (no).

    >>> not_above(Estimate(of="x", value=0.0, low=-0.005, high=0.005)), not_above(Estimate(of="x", value=0.1, low=0.05, high=0.15))
    (<Answer.YES: 'yes'>, <Answer.NO: 'no'>)
    """  # noqa: E501
    low, high = _limits(estimate)
    if high < margin:
        return Answer.YES
    return Answer.NO if low > 0 else Answer.UNDECIDED


def _limits(estimate: Estimate) -> tuple[float, float]:
    """Return the interval; without one, or if nothing follows from it, the whole line."""
    low, high = estimate.low, estimate.high
    if not estimate.comparable or low is None or high is None or not (isfinite(low) and isfinite(high)):
        return float("-inf"), float("inf")
    return low, high
