"""Choice of a network from a comparison: the best one, and the cheapest one that is about as good."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set

from convstudy.statistics import MARGIN, cheapest_noninferior, noninferiority, winner_interval
from convstudy.statistics.folds import Sample
from convstudy.statistics.grown import Looks
from convstudy.statistics.variation import Answers
from convstudy.study.comparisons.results import Conclusion, ModelResult, PairResult


def conclusion(
    models: Sequence[ModelResult],
    pairs: Sequence[PairResult],
    answers: Mapping[str, Answers],
    margin: float = MARGIN,
    looks: Looks | None = None,
    sample: Sample | None = None,
) -> Conclusion | None:
    """Return the best network, the networks it is shown to beat, and the cheapest that is at most `margin` worse.

    p-values are adjusted for `looks`. None for a single network. Networks with unknown MACs are never the cheapest.
    """
    if len(models) < 2:
        return None
    best = max(models, key=lambda model: model.top1.mean).name
    shown = noninferiority([answers[model.name] for model in models], margin, looks=looks, sample=sample)
    place = cheapest_noninferior(shown, [float("inf") if model.macs is None else model.macs for model in models])
    interval = winner_interval(answers[best], len(models)) if sample is None else None  # of independent images
    return Conclusion(
        best=best,
        best_interval=(interval.low, interval.high) if interval else None,
        beaten=tuple(pair.b if pair.a == best else pair.a for pair in pairs if pair.better == best),
        margin=margin,
        cheapest=None if place is None else models[place].name,
        cheapest_p=None if place is None else shown[place].p_value,
    )


def sequential_conclusion(
    models: Sequence[ModelResult], pairs: Sequence[PairResult], close: Set[tuple[str, str]], margin: float
) -> Conclusion | None:
    """Return the same for a comparison whose number of seeds followed from its results.

    Its verdicts and intervals hold at all looks together; a test of non-inferiority after the last look would not. So
    the cheapest is chosen from the best network and those that are `close`: (network, best) is one of these pairs.
    """
    if len(models) < 2:
        return None
    best = max(models, key=lambda model: model.top1.mean)
    own = {pair.b if pair.a == best.name else pair.a: pair for pair in pairs if best.name in (pair.a, pair.b)}
    beaten = tuple(name for name, pair in own.items() if pair.better == best.name)
    near = [model for model in models if (model.name, best.name) in close]
    cheapest = min([best, *near], key=lambda model: float("inf") if model.macs is None else model.macs)
    settled = {*beaten, *(model.name for model in near)}
    return Conclusion(
        best=best.name,
        beaten=beaten,
        margin=margin,
        cheapest=cheapest.name if cheapest is not best or len(settled) == len(models) - 1 else None,
        cheapest_p=None,
    )
