"""The two designs of a comparison: a fixed number of seeds, and seeds added until it is sure.

A design says which runs count, and what their answers show of every two networks.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from convstudy.statistics import (
    MARGIN,
    PairDifference,
    chance_of_beating,
    cohens_g,
    pairwise,
    size_needed,
    standardized_difference,
    uncertainty,
)
from convstudy.statistics.difference import difference_error
from convstudy.statistics.folds import Folds, Sample
from convstudy.statistics.grown import Looks
from convstudy.statistics.power import detectable_difference
from convstudy.statistics.sequential import SequentialPair, SequentialPlan, standing
from convstudy.statistics.variation import Answers
from convstudy.statistics.verdict import LEVEL, Verdict
from convstudy.study.comparisons.conclusion import conclusion, sequential_conclusion
from convstudy.study.comparisons.folder import ComparisonFolder
from convstudy.study.comparisons.results import (
    Conclusion,
    ModelResult,
    PairResult,
    Protocol,
    RepeatedLooks,
    SequentialOutcome,
)
from convstudy.study.runs.folder import RunFolder

Runs = dict[tuple[str, int], RunFolder]  # by network and seed


@dataclass(frozen=True, kw_only=True)
class Shown:
    """What the answers show of every two networks."""

    pairs: tuple[PairResult, ...]
    protocol: Protocol  # with the seeds that were used
    answers: Mapping[str, Answers] = field(default_factory=dict)
    sample: Sample | None = None  # the groups of the images, or the folds; None: independent images
    sequential: SequentialOutcome | None = None
    close: frozenset[tuple[str, str]] = frozenset()  # until sure: the first is shown to be at most a margin worse
    looks: RepeatedLooks | None = None


class Design(ABC):
    """How the number of seeds of a comparison is determined."""

    sequential: bool  # whether it is looked at while seeds are added; the runs that it will need are then not known

    @abstractmethod
    def counted(self, folder: ComparisonFolder, networks: Mapping[str, str], seeds: Sequence[int]) -> Runs:
        """Return the runs whose answers count, of networks with these folder names."""

    @abstractmethod
    def shown(self, answers: Mapping[str, Answers], protocol: Protocol, sample: Sample | None) -> Shown:
        """Return what the answers show, seeds x images by network; with folds, repeats x images."""

    @abstractmethod
    def conclusion(self, models: Sequence[ModelResult], shown: Shown) -> Conclusion | None:
        """Return the recommendation that follows; None if there is none yet."""


class FixedSeeds(Design):
    """Every network gets the same number of seeds; they may be raised later, which is one more look at the results."""

    sequential = False

    def counted(self, folder: ComparisonFolder, networks: Mapping[str, str], seeds: Sequence[int]) -> Runs:
        return {(name, seed): folder.run(own, seed) for seed in seeds for name, own in networks.items()}

    def shown(self, answers: Mapping[str, Answers], protocol: Protocol, sample: Sample | None) -> Shown:
        looks = Looks.of((*protocol.looks, len(protocol.seeds)))
        repeated = RepeatedLooks(seeds=looks.seeds, level=looks.level, total=looks.total)
        return Shown(
            pairs=compare_pairs(answers, looks, sample, protocol.margin),
            protocol=protocol,
            answers=answers,
            sample=sample,
            looks=repeated if len(looks.seeds) > 1 else None,
        )

    def conclusion(self, models: Sequence[ModelResult], shown: Shown) -> Conclusion | None:
        looks = Looks(shown.looks.seeds) if shown.looks else None
        return conclusion(models, shown.pairs, shown.answers, shown.protocol.margin, looks, shown.sample)


class UntilSure(Design):
    """Networks get seeds round by round, as many as they need; each look is part of a plan that is fixed beforehand."""

    sequential = True

    def counted(self, folder: ComparisonFolder, networks: Mapping[str, str], seeds: Sequence[int]) -> Runs:
        """Return the finished runs: of each network the seeds from the first one on, without a gap."""
        return {(name, seed): run for name, own in networks.items() for seed, run in _without_gap(folder, own, seeds)}

    def shown(self, answers: Mapping[str, Answers], protocol: Protocol, sample: Sample | None) -> Shown:
        assert not isinstance(sample, Folds), "folds are refused with this design"
        plan = sequential_plan(protocol.max_seeds, protocol.margin)
        at = standing(answers, plan, sample)
        went = SequentialOutcome(
            looks=plan.looks,
            level=plan.level,
            seeds=at.seeds,
            remaining=at.remaining,
            dropped=at.dropped,
            ending=at.ending,
            images_needed=at.images_needed,
        )
        used = max(map(len, answers.values()), default=0)
        return Shown(
            pairs=tuple(_sequential_result(pair, plan) for pair in at.pairs),
            protocol=replace(protocol, seeds=protocol.seeds[:used]),
            sequential=went,
            close=frozenset(_shown_close(at.pairs)),
        )

    def conclusion(self, models: Sequence[ModelResult], shown: Shown) -> Conclusion | None:
        return sequential_conclusion(models, shown.pairs, shown.close, shown.protocol.margin)


DESIGNS: Mapping[str, Design] = {"seeds": FixedSeeds(), "sure": UntilSure()}


def design_of(until: str) -> Design:
    """Return the design that the setting `until` names."""
    return DESIGNS[until]


def sequential_plan(max_seeds: int, margin: float) -> SequentialPlan:
    """Return when a comparison may stop; `margin` is a fraction of 1.

    >>> sequential_plan(6, 0.01).looks
    (3, 4, 5, 6)
    """
    return SequentialPlan(cap=max_seeds, margin=margin)


def compare_pairs(
    answers: Mapping[str, Answers],
    looks: Looks | None = None,
    sample: Sample | None = None,
    margin: float = MARGIN,
) -> tuple[PairResult, ...]:
    """Compare every two networks; p-values are adjusted for earlier looks, and by Holm's method for several pairs.

    The size of a study that is needed is that for a difference of the `margin`.
    """
    pairs = pairwise(answers, looks, sample)
    return tuple(_pair_result(pair, answers, LEVEL / len(pairs), sample, margin) for pair in pairs)


def none_yet(networks: Sequence[str]) -> dict[str, Answers]:
    """Return the answers of networks without a finished run."""
    return {name: np.zeros((0, 0), bool) for name in networks}


def _without_gap(folder: ComparisonFolder, own: str, seeds: Sequence[int]) -> Iterator[tuple[int, RunFolder]]:
    for seed in seeds:
        run = folder.run(own, seed)
        if not run.complete:
            return
        yield seed, run


def _pair_result(
    pair: PairDifference, answers: Mapping[str, Answers], level: float, sample: Sample | None, margin: float
) -> PairResult:
    a, b = answers[pair.a], answers[pair.b]
    crossed = isinstance(sample, Folds)
    chance = None if crossed else chance_of_beating(a, b)
    alike = len(a) == len(b)  # numbers of seeds
    return replace(
        _stated(pair),
        better=pair.better,
        equivalent_within=pair.equivalent_within,
        chance=(chance.value, chance.low, chance.high) if chance else None,
        detectable=detectable_difference(difference_error(a, b, sample), level) if alike else None,
        needed=size_needed(a, b, margin, level, sample=sample) if alike else None,
        standardized=standardized_difference(a, b),
        cohens_g=cohens_g(a, b) if len(a) == len(b) == 1 and not crossed else None,
        uncertainty=uncertainty(a, b) if sample is None else None,  # its components are those of independent images
    )


def _sequential_result(pair: SequentialPair, plan: SequentialPlan) -> PairResult:
    ahead = pair.a if pair.value > 0 else pair.b
    return replace(_stated(pair), better=ahead if pair.verdict is Verdict.BETTER else None, level=plan.level)


def _shown_close(pairs: Sequence[SequentialPair]) -> Iterator[tuple[str, str]]:
    """Yield each network with one to which it is shown to be equivalent, or than which at most the margin worse."""
    for pair in pairs:
        equivalent = pair.verdict is Verdict.EQUIVALENT
        for (worse, better), close in zip(((pair.a, pair.b), (pair.b, pair.a)), pair.close, strict=True):
            if close or equivalent:
                yield worse, better


def _stated(pair: PairDifference | SequentialPair) -> PairResult:
    return PairResult(
        a=pair.a,
        b=pair.b,
        difference=pair.value,
        low=pair.low,
        high=pair.high,
        p_value=pair.p_value,
        verdict=pair.verdict,
    )
