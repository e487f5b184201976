"""The findings so far of a comparison that may not be finished."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from convstudy.study.comparisons.design import design_of
from convstudy.study.comparisons.drawings import drawings_of
from convstudy.study.comparisons.findings import findings_of
from convstudy.study.comparisons.folder import ComparisonFolder
from convstudy.study.comparisons.progress import RunState, State, run_states, stored_start
from convstudy.study.comparisons.provenance import foreign_runs, refuse_foreign
from convstudy.study.comparisons.results import Findings
from convstudy.study.comparisons.results_file import AGAIN, read_results
from convstudy.study.comparisons.start import layers_of
from convstudy.study.runs.record_file import reading


def read_unfinished(folder: ComparisonFolder) -> Findings:
    """Return the findings of the finished runs, with the number of missing ones.

    Raises: StudyError, if the folder holds no comparison, or one without `start.json`.
    """
    with reading(folder.path, AGAIN):
        return _findings(folder)


def _findings(folder: ComparisonFolder, *, metrics: bool = True) -> Findings:
    start, protocol = stored_start(folder)
    design = design_of(protocol.until)
    counted = design.counted(folder, {entrant.name: entrant.folder for entrant in start.entrants}, protocol.seeds)
    runs = {key: run for key, run in counted.items() if run.complete}
    foreign = foreign_runs(start.expected, runs)
    refuse_foreign(folder, foreign, allow_mixed=start.allow_mixed)
    protocol = replace(protocol, mixed=foreign, looks=folder.looks())
    missing = sum(state.state is not State.DONE for state in run_states(folder))
    findings = findings_of(
        start.entrants,
        runs,
        protocol,
        start.environment,
        unfinished=missing,
        costs=folder.measured(),
        metrics=metrics,
    )
    return replace(findings, layers=layers_of(start), drawings=drawings_of(folder, start))


def read_so_far(folder: ComparisonFolder, states: Sequence[RunState]) -> Findings:
    """Return what is known of a comparison whose runs are in these states: its results, if they are written.

    Otherwise as `read_unfinished`, which reads the answers of all finished runs, but top-1 only. Raises: StudyError, if
    the results or the files of a run are damaged.
    """
    if all(state.state is State.DONE for state in states) and (folder.path / "results.json").exists():
        folders = {entrant.name: entrant.folder for entrant in stored_start(folder)[0].entrants}
        with ThreadPoolExecutor() as threads:  # which digests and disks allow
            for _ in threads.map(lambda state: folder.run(folders[state.model], state.seed).check(), states):
                pass
        return Findings(results=read_results(folder), runs=())
    with reading(folder.path, AGAIN):
        return _findings(folder, metrics=False)
