"""A comparison that may stop at each new seed: a plan that is fixed beforehand, and what it concludes at a look.

Networks are looked at with equal numbers of seeds. At each look, a network is dropped once another one is shown to be
better, two networks can be shown to be different or equivalent within a margin, and the study ends when nothing is left
to show, when the rest is not worth its runs, or at the cap. All looks together keep the level.

The margin of a difference combines in quadrature the one for test images, whose error is drawn once and is the same at
all looks, at the full level, and the one for seeds at the level of the look (repeated confidence intervals, Jennison &
Turnbull 1989, with Student's t by the significance-level approach, Jennison & Turnbull 2000, section 4.4).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import hypot, sqrt

import numpy as np
import scipy

from convstudy.statistics.difference import difference_error
from convstudy.statistics.groups import Groups
from convstudy.statistics.margin import ErrorParts
from convstudy.statistics.multiplicity import holm
from convstudy.statistics.spending import least_total, level_at
from convstudy.statistics.variation import Answers
from convstudy.statistics.verdict import Verdict

SPARED = 0.75  # of the level is spent: normal-theory levels are slightly bold for t statistics of unequal variances
HOPELESS = 0.10  # predictive probability of a decision at the cap, below which a pair is not worth more runs


@dataclass(frozen=True, kw_only=True)
class SequentialPlan:
    """When a comparison may stop, fixed before its first run.

    Raises: ValueError, when the numbers do not fit.

    >>> SequentialPlan(cap=6).looks, SequentialPlan(cap=9, step=3).looks
    ((3, 4, 5, 6), (3, 6, 9))
    """

    first: int = 3  # seeds per network at the first look
    step: int = 1  # seeds per network between two looks
    cap: int = 20  # most seeds per network
    level: float = 0.05  # of all looks together
    margin: float = 0.01  # of top-1, within which networks count as equivalent

    def __post_init__(self) -> None:
        if not (2 <= self.first <= self.cap and self.step >= 1 and 0 < self.level < 0.5 and 0 < self.margin < 1):
            raise ValueError(f"{self}; expected 2 <= first <= cap, step >= 1, and level and margin between 0 and 1")

    @property
    def looks(self) -> tuple[int, ...]:
        """The numbers of seeds at which the comparison is looked at."""
        return (*range(self.first, self.cap, self.step), self.cap)

    @property
    def total(self) -> float:
        """The nominal level that is spent over all looks."""
        return SPARED * self.level


@dataclass(frozen=True)
class Evidence:
    """A difference of two networks with equal numbers of seeds, and its error."""

    value: float
    parts: ErrorParts
    images: int | None = None  # if not one more than the degrees of freedom of their variance

    @classmethod
    def of(cls, a: Answers, b: Answers, groups: Groups | None = None) -> Evidence:
        """Return the evidence of seeds x images answers to the same images."""
        return cls(float(a.mean() - b.mean()), difference_error(a, b, groups), a.shape[1])


class Ending(StrEnum):
    """Why no more seeds are trained."""

    ONE_LEFT = "one_left"  # every other network is shown not to be the best
    DECIDED = "decided"  # all that are left are shown to be equivalent within the margin, or different
    HOPELESS_SEEDS = "hopeless_seeds"  # more seeds than the cap would be needed
    HOPELESS_IMAGES = "hopeless_images"  # more test images would be needed
    CAP = "cap"  # the most seeds are trained


@dataclass(frozen=True, kw_only=True)
class SequentialPair:
    """Two networks at the last look that both took part in: the difference of top-1, `a` minus `b`."""

    a: str
    b: str
    seeds: int
    value: float
    low: float
    high: float
    p_value: float  # over all looks; adjusted by Holm's method with more than two networks
    verdict: Verdict
    close: tuple[bool, bool] = (False, False)  # whether `a`, and `b`, is shown to be at most the plan's margin worse


@dataclass(frozen=True, kw_only=True)
class Standing:
    """Where a comparison is after the seeds that are done."""

    seeds: int  # per network still in, at the last look; 0 before the first
    remaining: tuple[str, ...]  # networks that are not shown to be worse than another one
    dropped: Mapping[str, int]  # the others, with the number of seeds at which they were
    pairs: tuple[SequentialPair, ...]
    ending: Ending | None  # None: the study goes on
    next_seeds: int | None  # per network still in, at the next look
    images_needed: int | None = None  # test images that would let the closest pair be decided, if these are the limit


Pairs = Callable[[str, str, int], Evidence]  # two networks with this many seeds


def standing(answers: Mapping[str, Answers], plan: SequentialPlan, groups: Groups | None = None) -> Standing:
    """Return where a comparison is: every look that the answers allow is replayed, so that nothing else need be stored.

    `answers` are, by network, the right answers to the same test images, seeds x images; a network that was dropped
    keeps the seeds that it had.

    >>> images = np.arange(2000)
    >>> good, bad = (images < np.array([[right], [right + 2], [right - 2]]) for right in (1900, 1700))
    >>> at = standing({"good": good, "bad": bad}, SequentialPlan())
    >>> at.ending, at.remaining, at.pairs[0].verdict
    (<Ending.ONE_LEFT: 'one_left'>, ('good',), <Verdict.BETTER: 'better'>)
    """
    seeds = {name: len(of_one) for name, of_one in answers.items()}
    return standing_of(seeds, lambda a, b, n: Evidence.of(answers[a][:n], answers[b][:n], groups), plan)


def standing_of(seeds: Mapping[str, int], pairs: Pairs, plan: SequentialPlan, *, table: bool = True) -> Standing:
    """Return where a comparison is, from the number of seeds of each network and the evidence of any two.

    Without `table`, the pairs are left out: their p-values take most of the time.
    """
    race = _Race(tuple(seeds), pairs, plan)
    for place, count in enumerate(plan.looks):
        if min(seeds[name] for name in race.remaining) < count:
            break
        race.look(place)
        if race.ending is not None:
            break
    return race.standing(table=table)


@dataclass(frozen=True)
class Rule:
    """The margins of one plan's looks."""

    plan: SequentialPlan

    def margin(self, parts: ErrorParts, place: int, total: float) -> float:
        """Return the half-width of the interval of the look at `place`, when `total` is spent over all looks."""
        return _margin(parts, total, level_at(self.plan.looks, self.plan.cap, place, total))

    def p_value(self, found: Evidence, place: int) -> float:
        """Return the least level at which this look shows a difference, spared levels included."""

        def reached(total: float) -> bool:
            return abs(found.value) > self.margin(found.parts, place, total)

        if found.value == 0 or found.parts.standard_error == 0:
            return 1.0 if found.value == 0 else 0.0
        return min(least_total(reached) / SPARED, 1.0)


def _margin(parts: ErrorParts, total: float, level: float) -> float:
    images = -float(scipy.special.stdtrit(parts.images_freedom, total / 2)) * sqrt(parts.images)
    seeds = -float(scipy.special.stdtrit(parts.seeds_freedom, level / 2)) * sqrt(parts.seeds)
    return hypot(images, seeds)


class _Race:
    """The networks that are still in, look by look."""

    def __init__(self, names: tuple[str, ...], pairs: Pairs, plan: SequentialPlan) -> None:
        self.plan, self.rule, self._pairs = plan, Rule(plan), pairs
        self.names = self.remaining = names
        self.dropped: dict[str, int] = {}
        self.ending: Ending | None = Ending.ONE_LEFT if len(names) < 2 else None
        self.images_needed: int | None = None
        self._seen: dict[tuple[str, str], list[tuple[int, Evidence]]] = {}  # by pair, place of the look and evidence

    def look(self, place: int) -> None:
        seeds = self.plan.looks[place]
        for a, b in itertools.combinations(self.remaining, 2):
            self._seen.setdefault((a, b), []).append((place, self._pairs(a, b, seeds)))
        self._drop(seeds)
        if len(self.remaining) == 1:
            self.ending = Ending.ONE_LEFT
            return
        undecided = [
            pair for pair in itertools.combinations(self.remaining, 2) if self._verdict(pair) is Verdict.UNDECIDED
        ]
        if not undecided:
            self.ending = Ending.DECIDED
        elif place == len(self.plan.looks) - 1:
            self.ending = Ending.CAP
            self._find_limit(undecided)
        elif all(self._hope(pair, place) < HOPELESS for pair in undecided):
            self.ending = self._find_limit(undecided)

    def _drop(self, seeds: int) -> None:
        """Take out every network that another one beats, at the level of all pairs that are left; then look again."""
        while len(self.remaining) > 1:
            count = len(self.remaining)
            total = self.plan.total / (count * (count - 1) / 2)
            out = [name for name in self.remaining if any(self._beats(other, name, total) for other in self.remaining)]
            if not out:
                return
            if len(out) == count:  # each is beaten at one look or another: nothing can be said
                return
            self.dropped |= dict.fromkeys(out, seeds)
            self.remaining = tuple(name for name in self.remaining if name not in out)

    def _beats(self, better: str, worse: str, total: float) -> bool:
        if better == worse:
            return False
        sign = 1 if (better, worse) in self._seen else -1
        seen = self._seen[(better, worse) if sign > 0 else (worse, better)]
        return any(sign * found.value > self.rule.margin(found.parts, place, total) for place, found in seen)

    def _verdict(self, pair: tuple[str, str]) -> Verdict:
        """Return what the looks so far show of a pair, at the level of a single pair."""
        total = self.plan.total
        for place, found in self._seen[pair]:
            margin = self.rule.margin(found.parts, place, total)
            if abs(found.value) > margin:
                return Verdict.BETTER
            if abs(found.value) + margin < self.plan.margin:
                return Verdict.EQUIVALENT
        return Verdict.UNDECIDED

    def _hope(self, pair: tuple[str, str], place: int) -> float:
        """Return the predictive probability that the pair is decided at the cap (Spiegelhalter et al. 1986)."""
        found = self._seen[pair][-1][1]
        now, parts = self.plan.looks[place], found.parts
        last = parts.seeds * now / self.plan.cap
        at_cap = ErrorParts(parts.images, parts.images_freedom, last, parts.seeds_freedom * self.plan.cap / now)
        margin = self.rule.margin(at_cap, len(self.plan.looks) - 1, self.plan.total)
        spread = sqrt(max(parts.seeds - last, 0.0))

        def below(limit: float) -> float:
            if spread == 0:
                return float(found.value < limit)
            return float(scipy.special.stdtr(parts.seeds_freedom, (limit - found.value) / spread))

        room = max(self.plan.margin - margin, 0.0)
        equivalent = below(room) - below(-room) if room else 0.0
        return below(-margin) + 1 - below(margin) + equivalent

    def _find_limit(self, undecided: Sequence[tuple[str, str]]) -> Ending:
        """Return which of seeds and images is the limit of the closest pair, with the images that would be enough."""
        found = min((self._seen[pair][-1][1] for pair in undecided), key=lambda each: abs(each.value))
        parts, size = found.parts, abs(found.value)
        reach = -float(scipy.special.stdtrit(parts.images_freedom, self.plan.total / 2)) * sqrt(parts.images)
        room = max(size, self.plan.margin - size)  # what the images' margin must stay below
        if reach < room:
            return Ending.HOPELESS_SEEDS
        images = found.images or parts.images_freedom + 1
        self.images_needed = int(np.ceil(images * (reach / room) ** 2)) if room > 0 else None
        return Ending.HOPELESS_IMAGES

    def standing(self, *, table: bool) -> Standing:
        done = [place for seen in self._seen.values() for place, _ in seen]
        seeds = self.plan.looks[max(done)] if done else 0
        following = next((look for look in self.plan.looks if look > seeds), None)
        return Standing(
            seeds=seeds,
            remaining=self.remaining,
            dropped=dict(self.dropped),
            pairs=self._table() if table else (),
            ending=self.ending,
            next_seeds=None if self.ending else following,
            images_needed=self.images_needed,
        )

    def _table(self) -> tuple[SequentialPair, ...]:
        raw = {pair: min(self.rule.p_value(found, place) for place, found in seen) for pair, seen in self._seen.items()}
        adjusted = dict(zip(raw, holm(list(raw.values())), strict=True))
        return tuple(self._row(pair, adjusted[pair]) for pair in self._seen)

    def _row(self, pair: tuple[str, str], p_value: float) -> SequentialPair:
        place, found = self._seen[pair][-1]
        margin = self.rule.margin(found.parts, place, self.plan.total)
        others = len(self.names) - 1  # with each of which the best network is compared
        reach = self.rule.margin(found.parts, place, self.plan.total / others)
        verdict = self._verdict(pair)
        if verdict is Verdict.BETTER and p_value >= self.plan.level:
            verdict = Verdict.UNDECIDED  # shown for this pair alone, not among all pairs
        return SequentialPair(
            a=pair[0],
            b=pair[1],
            seeds=self.plan.looks[place],
            value=found.value,
            low=max(found.value - margin, -1.0),
            high=min(found.value + margin, 1.0),
            p_value=p_value,
            verdict=verdict,
            close=(reach - found.value < self.plan.margin, reach + found.value < self.plan.margin),
        )
