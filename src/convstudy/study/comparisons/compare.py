"""Entry point of a comparison: claim its folder, perform the missing runs, and draw conclusions.

Any number of processes may do so with one folder at the same time: they share the runs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from convstudy.data import DataSet
from convstudy.errors import StudyError
from convstudy.study.comparisons.allowance import with_measured, write_allowances
from convstudy.study.comparisons.begin import write_start
from convstudy.study.comparisons.comparison import Comparison, perform_missing
from convstudy.study.comparisons.conclude import conclude
from convstudy.study.comparisons.drawings import drawings_of
from convstudy.study.comparisons.findings import right_answers
from convstudy.study.comparisons.folder import ComparisonFolder
from convstudy.study.comparisons.import_predictions import with_imported
from convstudy.study.comparisons.ledger import Ledger
from convstudy.study.comparisons.measured_costs import measure_costs
from convstudy.study.comparisons.prepare import prepare
from convstudy.study.comparisons.provenance import check_runs
from convstudy.study.comparisons.results import Findings
from convstudy.study.comparisons.results_file import read_start, write_findings
from convstudy.study.comparisons.start import layers_of
from convstudy.study.comparisons.unfinished import read_unfinished
from convstudy.study.comparisons.until_sure import Rounds
from convstudy.study.models.opening import Model
from convstudy.study.plans.plan import Plan
from convstudy.study.plans.yaml_file import write_study
from convstudy.study.runs.events import OnEvent, RunFailed


@dataclass(frozen=True)
class ClaimedComparison:
    """A comparison whose folder has been claimed, so that its runs can be performed."""

    comparison: Comparison
    folder: ComparisonFolder
    allow_mixed: bool = False

    def perform(self, on_event: OnEvent) -> tuple[RunFailed, ...]:
        """Perform the runs that the folder does not hold yet, and return those that failed.

        Then speed and memory of the networks are measured.
        """
        try:
            if self.comparison.design.sequential:
                failed = Rounds(self.comparison, self.folder).perform(on_event)
            else:
                failed = perform_missing(self.comparison, self.folder, on_event)
        finally:
            if any(run.complete for run in self.comparison.counted(self.folder).values()):
                Ledger.of(self.comparison).opened()
        try:
            measure_costs(self.comparison, self.folder, on_event)
        except StudyError:  # the folder cannot be written
            if not failed:
                raise
        return failed

    def conclude(self) -> Findings:
        """Draw conclusions from all runs, and write the results.

        Raises: StudyError, if a run was made under another protocol and `allow_mixed` is not set.
        """
        with self.folder.alone():
            return self._conclude()

    def _conclude(self) -> Findings:
        if not self.comparison.design.sequential:
            self.folder.note_look(len(self.comparison.seeds))
        found = conclude(self.comparison, self.folder, allow_mixed=self.allow_mixed)
        ledger = Ledger.of(self.comparison)
        found = replace(found, results=replace(found.results, test_set=ledger.opened()))
        if self.comparison.takes_images_as_independent:
            ledger.note_spreads(right_answers(found.runs))
        start = read_start(self.folder)
        drawings = drawings_of(self.folder, start)
        findings = replace(with_imported(found, self.folder), layers=layers_of(start), drawings=drawings)
        write_findings(self.folder, findings)
        return findings

    def so_far(self) -> Findings:
        """Return the findings of the finished runs while others are missing; nothing is written."""
        return read_unfinished(self.folder)


def claim_comparison(
    plan: Plan,
    output: Path | None = None,
    *,
    allow_mixed: bool = False,
    models: Mapping[str, Model] | None = None,
    data: DataSet | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> ClaimedComparison:
    """Open the networks, load the data, count each network, and claim the folder for this comparison.

    `models` are networks given as objects, by their name in the plan; `data` replaces the data named in the plan. With
    `allow_mixed`, runs of another protocol in the folder are kept and marked.

    Raises: a ConvstudyError, if anything cannot be used; then nothing has been written.
    """
    comparison = prepare(plan, models=models, data=data, progress=progress)
    folder = ComparisonFolder(output or comparison.default_folder())
    folder.check(comparison.identity(), allow_mixed=allow_mixed)
    with folder.alone():
        folder.check(comparison.identity(), allow_mixed=allow_mixed)
        comparison = with_measured(comparison, folder)
        check_runs(comparison, folder, allow_mixed=allow_mixed)
        folder.claim(comparison.identity(), allow_mixed=allow_mixed)
        write_allowances(folder, comparison)
        write_start(folder, comparison, allow_mixed=allow_mixed)
        if comparison.repeatable:
            write_study(plan, folder.path / "study.yaml")
    return ClaimedComparison(comparison, folder, allow_mixed)
