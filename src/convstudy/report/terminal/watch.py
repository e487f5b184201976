"""A running comparison: the progress of each run, and the results so far."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.text import Text

from convstudy.report import numbers
from convstudy.report.terminal.networks import result_table, verdicts
from convstudy.report.terminal.table import plain_table

if TYPE_CHECKING:
    from convstudy.study import Findings, RunState

STYLES = {"done": "green", "running": "bold", "stopped": "yellow", "failed": "bold red", "waiting": "dim"}


def watched(
    states: Sequence[RunState], epochs: Mapping[str, int], findings: Findings, seconds_left: float | None = None
) -> RenderableType:
    """Draw one line per network with the state of each seed, the time left, and the results of the finished runs."""
    counts: Counter[str] = Counter(state.state for state in states)
    summary = ", ".join(f"{counts[state]} {state}" for state in STYLES if counts[state])
    left = f"; about {numbers.clock(seconds_left)} left" if seconds_left and counts["running"] else ""
    parts: list[RenderableType] = [
        _states(states, epochs),
        Text(f"{numbers.plural(len(states), 'run')}: {summary}{left}"),
    ]
    parts += [
        Text(f"{state.model}, seed {state.seed}: {state.error}", style=STYLES["failed"])
        for state in states
        if state.state == "failed"
    ]
    if counts["stopped"]:
        parts.append(
            Text(
                "to continue stopped runs from their last checkpoint, repeat the command that started them",
                STYLES["stopped"],
            )
        )
    if findings.results.models:
        parts += [Text(), result_table(findings.results), Text()]
    if len(findings.results.models) > 1:
        parts.append(verdicts(findings.results))
    return Group(*parts)


def _states(states: Sequence[RunState], epochs: Mapping[str, int]) -> RenderableType:
    seeds = sorted({state.seed for state in states})
    table = plain_table("network", numeric=[f"seed {seed}" for seed in seeds])
    for model in dict.fromkeys(state.model for state in states):
        own = {state.seed: state for state in states if state.model == model}
        table.add_row(Text(model), *(_state(own[seed], epochs[model]) for seed in seeds))
    return table


def _state(state: RunState, epochs: int) -> Text:
    if state.state == "running":
        return Text(f"{state.epochs}/{epochs}", style=STYLES["running"])
    if state.state == "stopped":
        return Text(f"{state.epochs}/{epochs} stopped", style=STYLES["stopped"])
    if state.state == "done" and state.top1 is not None:
        return Text(numbers.percent(state.top1), style=STYLES["done"])
    return Text(state.state, style=STYLES[state.state])
