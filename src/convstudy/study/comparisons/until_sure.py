"""Seeds added round by round until a comparison is sure, under a plan that is fixed before its first run."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from convstudy.statistics.groups import Groups
from convstudy.statistics.sequential import SequentialPair, SequentialPlan, Standing, standing
from convstudy.statistics.variation import Answers
from convstudy.statistics.verdict import Verdict
from convstudy.study.comparisons.comparison import Comparison, tasks_of
from convstudy.study.comparisons.folder import ComparisonFolder
from convstudy.study.comparisons.image_groups import groups_of
from convstudy.study.comparisons.results import PairResult, Protocol, SequentialOutcome
from convstudy.study.models.entrant import Entrant
from convstudy.study.runs.environment import make_deterministic
from convstudy.study.runs.events import LookTaken, OnEvent, RunFailed, StudyStarted
from convstudy.study.runs.folder import RunFolder
from convstudy.study.runs.workers import perform_all

SECONDS_PER_HOUR = 3600


@dataclass(frozen=True)
class Rounds:
    """The runs of a comparison that continues until it is sure."""

    comparison: Comparison
    folder: ComparisonFolder

    def perform(self, on_event: OnEvent) -> tuple[RunFailed, ...]:
        """Perform one round, and more until the comparison ends, runs fail, or the hours of the plan are over.

        Return the runs that failed.
        """
        plan = self.comparison.plan
        make_deterministic(self.comparison.device)
        end = None if plan.max_hours is None else time.monotonic() + plan.max_hours * SECONDS_PER_HOUR
        while True:
            done = done_runs(self.folder, self.comparison.entrants, self.comparison.seeds)
            at = self._standing(done)
            late = at.seeds > 0 and end is not None and time.monotonic() >= end
            ended = late or at.ending is not None
            on_event(LookTaken(seeds=at.seeds, remaining=at.remaining, dropped=tuple(at.dropped), ended=ended))
            if ended or at.next_seeds is None:
                return ()
            last = plan.first_seed + at.next_seeds
            tasks = [
                task
                for task in tasks_of(self.comparison, self.folder.run)
                if task.model in at.remaining and task.seed < last and not task.folder.complete
            ]
            on_event(StudyStarted(missing=len(tasks), total=len(done) + len(tasks)))
            failed = perform_all(tasks, self.comparison.jobs, plan.threads, on_event)
            if failed:
                return failed

    def _standing(self, done: Mapping[tuple[str, int], RunFolder]) -> Standing:
        names = [entrant.name for entrant in self.comparison.entrants]
        tables = {name: [run.read() for (model, _), run in done.items() if model == name] for name in names}
        nothing = np.zeros((0, len(self.comparison.data.test)), bool)
        answers = {
            name: np.stack([run.logits.argmax(1) == run.labels for run in runs]) if runs else nothing
            for name, runs in tables.items()
        }
        plan = sequential_plan(self.comparison.plan.max_seeds, self.comparison.plan.margin / 100)
        return standing(answers, plan, groups_of(run for runs in tables.values() for run in runs))


def sequential_plan(max_seeds: int, margin: float) -> SequentialPlan:
    """Return when a comparison may stop; `margin` is a fraction of 1.

    >>> sequential_plan(6, 0.01).looks
    (3, 4, 5, 6)
    """
    return SequentialPlan(cap=max_seeds, margin=margin)


def done_runs(
    folder: ComparisonFolder, entrants: Iterable[Entrant], seeds: Sequence[int]
) -> dict[tuple[str, int], RunFolder]:
    """Return the finished runs by network and seed: of each network the seeds from the first one on, without a gap."""
    return {(entrant.name, seed): run for entrant in entrants for seed, run in _without_gap(folder, entrant, seeds)}


def _without_gap(folder: ComparisonFolder, entrant: Entrant, seeds: Sequence[int]) -> Iterator[tuple[int, RunFolder]]:
    for seed in seeds:
        run = folder.run(entrant.folder, seed)
        if not run.complete:
            return
        yield seed, run


def outcome(
    answers: Mapping[str, Answers], protocol: Protocol, groups: Groups | None = None
) -> tuple[SequentialOutcome, tuple[PairResult, ...]]:
    """Return how a comparison went by its finished runs, and the result of each pair that was looked at."""
    plan = sequential_plan(protocol.max_seeds, protocol.margin)
    at = standing(answers, plan, groups)
    went = SequentialOutcome(
        looks=plan.looks,
        level=plan.level,
        seeds=at.seeds,
        remaining=at.remaining,
        dropped=at.dropped,
        ending=at.ending,
        images_needed=at.images_needed,
    )
    return went, tuple(_pair_result(pair, plan) for pair in at.pairs)


def _pair_result(pair: SequentialPair, plan: SequentialPlan) -> PairResult:
    ahead = pair.a if pair.value > 0 else pair.b
    return PairResult(
        a=pair.a,
        b=pair.b,
        difference=pair.value,
        low=pair.low,
        high=pair.high,
        p_value=pair.p_value,
        verdict=pair.verdict,
        better=ahead if pair.verdict is Verdict.BETTER else None,
        level=plan.level,
    )
