"""The pairs whose verdicts are shown first."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from convstudy.study.comparisons.results import PairResult, Results

MOST_PAIRS = 6  # with more pairs than this, only those of the leading network are shown


def leading_pairs(results: Results) -> tuple[PairResult, ...]:
    """Return all pairs if they are few, else those of the best network; pairs with a shown difference come first."""
    pairs = results.comparisons
    if len(pairs) > MOST_PAIRS:
        leader = max(results.models, key=lambda model: model.top1.mean).name
        pairs = tuple(pair for pair in pairs if leader in (pair.a, pair.b))
    return tuple(sorted(pairs, key=lambda pair: pair.better is None))
