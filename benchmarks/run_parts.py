"""Where the CPU-seconds of a run of a study go: its steps, validation, the test, and the rest.

    uv run python benchmarks/run_parts.py --networks net resnet20

One run of each network of `studies/digits.yaml` with two epochs and one thread, in a process that has done a run
before, as a worker of a study has; imports, loading of the data, the measurement of latency and memory, and the report
come once per study or network and are not included.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from pathlib import Path
from types import ModuleType
from typing import Any

import torch

from convstudy.study import RunFolder, prepare, read_study
from convstudy.study.comparisons.comparison import tasks_of
from convstudy.study.runs import perform
from convstudy.training import loop

STUDY = Path(__file__).parent.parent / "studies/digits.yaml"
PARTS: dict[str, tuple[ModuleType, str]] = {
    "epochs": (loop, "_train_epoch"),
    "validation": (loop, "_validate"),
    "test": (perform, "predict_together"),
}


def clocked(function: Callable[..., Any], spent: Counter[str], part: str) -> Callable[..., Any]:
    """Return the function with its CPU-seconds added to a part."""

    @wraps(function)
    def call(*given: Any, **named: Any) -> Any:
        started = time.process_time()
        try:
            return function(*given, **named)
        finally:
            spent[part] += time.process_time() - started  # type: ignore[assignment]

    return call


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", nargs="+", help="default: those of the study")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    spent: Counter[str] = Counter()
    for part, (module, name) in PARTS.items():
        setattr(module, name, clocked(getattr(module, name), spent, part))
    plan = read_study(STUDY)
    plan = replace(plan, models=tuple(asked.networks or plan.models), seeds=2, recipe=replace(plan.recipe, epochs=2))
    with tempfile.TemporaryDirectory() as folder:
        numbers = iter(range(1000))
        warm, *_ = tasks = list(tasks_of(prepare(plan), lambda *_: RunFolder(Path(folder) / str(next(numbers)))))
        for task in tasks:
            task.folder.path.mkdir()
        perform.perform(warm, lambda _: None)
        for task in tasks[len(plan.models) :]:
            spent.clear()
            started = time.process_time()
            perform.perform(task, lambda _: None)
            whole, steps = time.process_time() - started, spent["epochs"] - spent["validation"]
            rest = whole - spent["epochs"] - spent["test"]
            print(
                f"{task.model:10s} {whole:6.2f} CPU-seconds, {whole / steps:.2f} times its steps: steps {steps:.2f}, "
                f"validation {spent['validation']:.2f}, test {spent['test']:.2f}, rest {rest:.2f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
