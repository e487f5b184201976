"""The state of each run of a comparison, one line per run that is not done."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.text import Text

from convstudy.report import numbers
from convstudy.report.terminal.table import plain_table
from convstudy.report.terminal.watch import STYLES

if TYPE_CHECKING:
    from convstudy.study import RunState


def status_table(
    states: Sequence[RunState], epochs: Mapping[str, int], places: Mapping[tuple[str, int], str]
) -> RenderableType:
    """Draw the number of runs in each state, and the runs that are not done; `places` says where they are performed."""
    counts: Counter[str] = Counter(state.state for state in states)
    summary = ", ".join(f"{counts[state]} {state}" for state in STYLES if counts[state])
    line = Text(f"{numbers.plural(len(states), 'run')}: {summary}")
    unfinished = [state for state in states if state.state != "done"]
    if not unfinished:
        return line
    table = plain_table("network", "state", numeric=("seed", "epochs", "process"))
    for state in unfinished:
        process = places.get((state.model, state.seed), "")
        of_all = f"{state.epochs}/{epochs[state.model]}"
        table.add_row(Text(state.model), Text(state.state, STYLES[state.state]), str(state.seed), of_all, Text(process))
    failed = [Text(state.error, STYLES["failed"]) for state in unfinished if state.error]
    return Group(line, Text(), table, *failed)
