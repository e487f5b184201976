"""The order in which the runs of a comparison begin."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from convstudy.study import ComparisonFolder, Plan, prepare
from convstudy.study.comparisons import comparison as module
from convstudy.study.comparisons.comparison import perform_missing
from convstudy.study.runs.events import StudyStarted
from convstudy.study.runs.task import Task


@pytest.mark.parametrize(
    ("jobs", "begun"),
    [
        (1, ["net 0", "resnet20 0", "lenet5 0", "net 1", "resnet20 1", "lenet5 1"]),
        (2, ["resnet20 0", "net 0", "lenet5 0", "resnet20 1", "net 1", "lenet5 1"]),
    ],
)
def test_beside_each_other_the_runs_of_a_seed_begin_with_the_longest(
    jobs: int, begun: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    performed: list[Task] = []

    def perform_all(tasks: Sequence[Task], *_: Any, **__: Any) -> tuple[()]:
        performed.extend(tasks)
        return ()

    monkeypatch.setattr(module, "perform_all", perform_all)
    events: list[Any] = []
    plan = Plan(("net", "resnet20", "lenet5"), seeds=2, jobs=jobs, device="cpu")
    assert perform_missing(prepare(plan), ComparisonFolder(tmp_path), events.append) == ()
    assert [f"{task.model} {task.seed}" for task in performed] == begun
    assert sorted(task.index for task in performed) == [1, 2, 3, 4, 5, 6]
    (started,) = (event for event in events if isinstance(event, StudyStarted))
    assert started.to_do == tuple(task.model for task in performed)
