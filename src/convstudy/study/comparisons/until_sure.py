"""Seeds added round by round until a comparison is sure, under a plan that is fixed before its first run."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from convstudy.statistics.sequential import Standing, standing
from convstudy.study.comparisons.comparison import Comparison, perform, tasks_of
from convstudy.study.comparisons.design import sequential_plan
from convstudy.study.comparisons.folder import ComparisonFolder
from convstudy.study.comparisons.image_groups import groups_of
from convstudy.study.runs.environment import make_deterministic
from convstudy.study.runs.events import LookTaken, OnEvent, RunFailed
from convstudy.study.runs.folder import RunFolder
from convstudy.study.runs.sharing import SECONDS_PER_HOUR


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
            done = self.comparison.counted(self.folder)
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
            tasks = [replace(task, index=index) for index, task in enumerate(tasks, start=len(done) + 1)]
            if failed := perform(self.comparison, tasks, on_event, total=len(done) + len(tasks)):
                return failed

    def _standing(self, done: Mapping[tuple[str, int], RunFolder]) -> Standing:
        names = [entrant.name for entrant in self.comparison.entrants]
        tables = {name: [run.read() for (model, _), run in done.items() if model == name] for name in names}
        nothing = np.zeros((0, len(self.comparison.data.test)), bool)
        answers = {name: np.stack([run.right for run in runs]) if runs else nothing for name, runs in tables.items()}
        plan = sequential_plan(self.comparison.plan.max_seeds, self.comparison.plan.margin / 100)
        return standing(answers, plan, groups_of(run for runs in tables.values() for run in runs))
