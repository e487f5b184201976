"""Speed and memory of the networks of a comparison, measured after its runs, one network at a time."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict, replace
from functools import partial

import numpy as np

from convstudy.files import write_json
from convstudy.study.comparisons.comparison import Comparison, tasks_of
from convstudy.study.comparisons.folder import ComparisonFolder
from convstudy.study.runs.cost import cost_of_finished
from convstudy.study.runs.events import CostMeasurement, OnEvent
from convstudy.study.runs.measured_cost import MeasuredCost
from convstudy.study.runs.task import Task
from convstudy.study.runs.tuning import working_with
from convstudy.study.runs.workers import in_worker


def measure_costs(comparison: Comparison, folder: ComparisonFolder, on_event: OnEvent) -> None:
    """Measure each network that is not measured yet, with the weights of its first run, and write `costs.json`.

    Other processes of this comparison wait, so that nothing of it is trained or measured at the same time. A network
    that cannot be measured has no costs. Runs of a cluster measure themselves, on the machines that trained them.

    Raises: StudyError, if the folder cannot be written.
    """
    with folder.alone():
        found = dict(folder.measured())
        for task in _first_runs(comparison, folder):
            if task.model in found or "latency_ms" in task.folder.record():
                continue
            on_event(CostMeasurement(model=task.model))
            found[task.model] = _cost(task, comparison)
            with folder.sealing(folder.costs.name):
                write_json(folder.costs, {name: cost and asdict(cost) for name, cost in found.items()})


def _first_runs(comparison: Comparison, folder: ComparisonFolder) -> list[Task]:
    """Return the first finished run of each network."""
    first: dict[str, Task] = {}
    for task in tasks_of(comparison, folder.run):
        if task.folder.complete:
            first.setdefault(task.model, task)
    return list(first.values())


def _cost(task: Task, comparison: Comparison) -> MeasuredCost | None:
    """Measure in this process or in one of its own, as the runs were performed."""
    few = task.data.test.chosen(np.arange(1))  # of the images, only the shape matters
    task = replace(task, data=replace(task.data, train=few, validation=None, test=few))
    threads, measured = comparison.plan.threads, partial(cost_of_finished, task)
    with suppress(Exception):  # of the network's own code; the answers remain valid without it
        if comparison.jobs > 1:
            return in_worker(measured, threads)
        with working_with(threads):
            return measured()
    return None
