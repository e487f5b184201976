"""What a comparison claims of two networks, as a value."""

from __future__ import annotations

from enum import StrEnum

from convstudy.statistics.difference import Difference

LEVEL = 0.05  # a difference is shown when its p-value is below this


class Verdict(StrEnum):
    """What is shown of two networks."""

    BETTER = "better"  # one network has a higher top-1, on other seeds and other test images, too
    EQUIVALENT = "equivalent"  # they are shown to differ by less than a margin
    UNDECIDED = "undecided"  # no difference is shown
    RUNS_ONLY = "runs_only"  # one run each: nothing can be said about other seeds, so nothing about the networks
    NOT_COMPARABLE = "not_comparable"  # one of them did not train: there is something to mend first


def verdict_of(difference: Difference, *, seeds: int, level: float = LEVEL) -> Verdict:
    """Return what a difference shows; `seeds` is the smaller of the two networks' numbers of runs.

    >>> verdict_of(Difference(0.02, 0.01, 0.03, 0.002), seeds=3)
    <Verdict.BETTER: 'better'>
    >>> verdict_of(Difference(0.02, 0.01, 0.03, 0.002), seeds=1)
    <Verdict.RUNS_ONLY: 'runs_only'>
    """
    if seeds < 2:
        return Verdict.RUNS_ONLY
    return Verdict.BETTER if difference.p_value < level and difference.value else Verdict.UNDECIDED


def better_of(a: str, b: str, difference: Difference, verdict: Verdict) -> str | None:
    """Return the name of the better network; None if none is shown to be."""
    if verdict is not Verdict.BETTER:
        return None
    return a if difference.value > 0 else b
