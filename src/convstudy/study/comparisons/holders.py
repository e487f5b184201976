"""The processes that perform the runs of a comparison, on whatever machine."""

from __future__ import annotations

from collections.abc import Sequence

from convstudy.study.comparisons.folder import ComparisonFolder
from convstudy.study.comparisons.progress import RunState, State
from convstudy.study.runs.claim import Holder, holder_of


def holders(folder: ComparisonFolder, states: Sequence[RunState]) -> dict[tuple[str, int], Holder]:
    """Return the process that performs each running run, by network and seed. Raises: StudyError, as `run_states`."""
    identity = folder.identity()
    own = dict(zip(identity["models"], identity["folders"], strict=True))
    running = [state for state in states if state.state is State.RUNNING and state.model in own]
    found = {(run.model, run.seed): holder_of(folder.run(own[run.model], run.seed).path) for run in running}
    return {key: holder for key, holder in found.items() if holder}
