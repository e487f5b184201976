"""The groups of the test images of a comparison, as its runs have stored them."""

from __future__ import annotations

from collections.abc import Iterable

from convstudy.statistics.groups import Groups, numbered_groups
from convstudy.study.runs.result import RunResult


def groups_of(runs: Iterable[RunResult]) -> Groups | None:
    """Return the groups of the test images of runs on the same images; None if images are independent."""
    names = next((run.groups for run in runs if run.groups), ())
    return numbered_groups(names) if names else None
