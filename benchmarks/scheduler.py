"""What a study costs beside its runs: a thousand that train for no time, and the report on a thousand finished ones.

    uv run --extra ray python benchmarks/scheduler.py
    uv run python benchmarks/scheduler.py --part report

Part `runs`: a comparison is begun as `convstudy compare` begins it, and its runs are handed out, claimed, performed and
shown; only the work of a run is replaced by writing its `run.json`. Printed are the milliseconds per run beyond writing
that file in a loop, and the peak memory with a tenth of the runs and with all of them, each in a process of its own.

Part `report`: the files of finished runs of ten networks on 10,000 test images are written, and `convstudy compare`,
`report`, `watch` and `status` are timed on them, with their peak memory.
"""

from __future__ import annotations

import argparse
import importlib
import json
import multiprocessing
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from rich.console import Console

from convstudy.data import DataSet, ImageSet
from convstudy.data.image_set import numbered
from convstudy.files import write_json
from convstudy.report.terminal import TrainingDisplay
from convstudy.study import Plan, RunFolder, claim_comparison
from convstudy.study.comparisons.comparison import tasks_of
from convstudy.study.models.preprocessing import Preprocessing
from convstudy.study.runs import attempt
from convstudy.study.runs.events import OnEvent, RunEnded, RunStarted, ignore
from convstudy.study.runs.sharing import Limits
from convstudy.study.runs.task import Task
from convstudy.study.runs.workers import perform_all
from convstudy.training import Epoch, Recipe

NETWORKS = 10
EPOCHS = 20
OWN = """
from torch import nn
""" + "".join(
    f"""
class Net{width}(nn.Sequential):
    def __init__(self, num_classes, in_channels):
        super().__init__(
            nn.Conv2d(in_channels, {width}, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(4), nn.Flatten(),
            nn.Linear({width} * 16, num_classes),
        )
"""
    for width in range(1, NETWORKS + 1)
)


def made_up_data(test: int) -> DataSet:
    """Return images of 8 x 8 in ten classes."""

    def part(name: str, count: int, seed: int) -> ImageSet:
        pixels = np.random.default_rng(seed).integers(0, 256, (count, 1, 8, 8), np.uint8)
        return ImageSet(pixels, np.arange(count) % 10, numbered(name, count))

    return DataSet(
        name="made-up",
        source="random pixels",
        class_names=tuple(map(str, range(10))),
        train=part("train", 200, 1),
        validation=part("validation", 100, 2),
        test=part("test", test, 3),
        horizontal_flip=False,
    )


def plan_of(runs: int, **settings: Any) -> Plan:
    """Return the plan of a comparison of ten networks with this many runs."""
    names = tuple(f"own.py:Net{width}" for width in range(1, NETWORKS + 1))
    recipe = Recipe(epochs=EPOCHS, warmup_epochs=0)
    return Plan(names, recipe=recipe, seeds=runs // NETWORKS, device="cpu", threads=1, **settings)


def no_work(task: Task, on_event: OnEvent) -> None:
    """Perform a run without training."""
    on_event(RunStarted(index=task.index, model=task.model, seed=task.seed, epochs=1, steps_per_epoch=1))
    write_json(task.folder.path / "run.json", {"model": task.model, "seed": task.seed})
    on_event(RunEnded(index=task.index))


@dataclass(frozen=True, kw_only=True)
class NoWork(Task):
    """A task that takes its stand-in for the work along to the process that performs it."""

    def __reduce__(self) -> Any:
        values = {each.name: getattr(self, each.name) for each in fields(Task)}
        return arrived, (no_work, values)


def arrived(work: Callable[[Task, OnEvent], None], values: dict[str, Any]) -> Task:
    """Return a task in the process that performs it."""
    from convstudy.study.runs import attempt  # noqa: PLC0415 - in a process that did not import this file

    vars(attempt)["perform"] = work
    return Task(**values)


def scheduled(runs: int, jobs: int, engine: str, folder: Path | None) -> dict[str, float]:
    """Return the milliseconds per run of a study, beyond its work, and the peak memory in MB."""
    vars(attempt)["perform"] = no_work
    limits = Limits(engine=engine, jobs=jobs if engine == "ray" else None)
    if engine == "ray":  # a cluster that is there
        os.environ.setdefault("RAY_worker_niceness", "0")
        importlib.import_module("ray").init("local", num_cpus=jobs, include_dashboard=False, log_to_driver=False)
    with tempfile.TemporaryDirectory(dir=folder) as root, Path(os.devnull).open("w") as nowhere:
        os.chdir(root)
        Path("own.py").write_text(OWN)
        claimed = claim_comparison(plan_of(runs, jobs=jobs), Path("out"), data=made_up_data(100))
        tasks = [NoWork(**vars(task)) for task in tasks_of(claimed.comparison, claimed.folder.run)]
        with TrainingDisplay(Console(file=nowhere)) as display:
            perform_all(tasks[:2], jobs, 1, display, limits=limits)  # starts the processes
            begun = time.perf_counter()
            assert not perform_all(tasks[2:], jobs, 1, display, limits=limits)
            seconds = time.perf_counter() - begun
        assert len(list(Path("out").glob("*/seed-*/run.json"))) == runs
        alone = tasks_of(claimed.comparison, lambda name, seed: RunFolder(Path("alone", name, str(seed))))
        for task in alone:
            task.folder.path.mkdir(parents=True)
        begun = time.perf_counter()
        for task in alone:
            no_work(task, lambda _: None)
        work = time.perf_counter() - begun
        os.chdir("/")
    return {
        "ms": 1000 * (seconds / (runs - 2) - work / runs),
        "work": 1000 * work / runs,
        "MB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def in_a_process(runs: int, jobs: int, engine: str, folder: Path | None) -> dict[str, float]:
    """Return what `scheduled` returns in a process of its own."""
    command = [sys.executable, __file__, "--part", "one", "--runs", str(runs), "--jobs", str(jobs), "--engine", engine]
    command += ["--folder", str(folder)] if folder else []
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def show_runs(runs: int, folder: Path | None) -> None:
    print("| engine | runs | ms per run, beyond its work | ms of work | peak memory, MB |\n|---|---|---|---|---|")
    for engine, jobs in (("local", 1), ("local", 2), ("ray", 2)):
        for count in (runs // 10, runs):
            try:
                found = in_a_process(count, jobs, engine, folder)
            except subprocess.CalledProcessError as error:
                print(f"| {engine}, {jobs} at a time | {count} | failed with status {error.returncode} | | |")
                continue
            values = " | ".join(f"{found[key]:.1f}" for key in ("ms", "work", "MB"))
            print(f"| {engine}, {jobs} at a time | {count} | {values} |", flush=True)


def finished(task: Task) -> None:
    """Write the files of a finished run with made-up answers."""
    test = task.data.test
    random = np.random.default_rng(hash((task.model, task.seed)) % 2**32)
    logits = random.normal(0, 1, (len(test), 10)).astype(np.float32)
    logits[np.arange(len(test)), test.labels] += random.normal(2.5, 1, len(test)).astype(np.float32)
    epochs = [Epoch(n, 0.1, 2 / n, 0.5, 2 / n, 0.8 - 0.5 / n, 10.0) for n in range(1, EPOCHS + 1)]
    record = {
        **task.record(),
        "lr": 0.1,
        "data": asdict(task.origin),
        "preprocessing": Preprocessing(
            in_channels=1, image_side=8, input_side=8, mean=(0.5,), std=(0.25,), white=None
        ).to_json(),
        "top1": float((logits.argmax(1) == test.labels).mean()),
        "train_images": 200,
        "train_seconds": 200.0,
        "images_per_second": 1000.0,
        "latency_ms": 1.0,
        "trials": [],
        "notes": [],
        "batch_normalization": "",
        "stale_statistics": False,
        "recomputed_statistics": False,
        "transform_input": False,
    }
    task.folder.path.mkdir(parents=True)
    task.folder.write(task.opened.build(10, 1), epochs, test, logits, record)


def show_report(runs: int, images: int) -> None:
    with tempfile.TemporaryDirectory(prefix="scheduler-") as root:
        os.chdir(root)
        Path("own.py").write_text(OWN)
        claimed = claim_comparison(plan_of(runs, jobs=1), Path("out"), data=made_up_data(images))
        tasks = tasks_of(claimed.comparison, claimed.folder.run)
        begun = time.perf_counter()
        with multiprocessing.get_context("fork").Pool() as pool:
            pool.map(finished, tasks)
        print(f"{runs:,} runs of {images:,} test images written in {time.perf_counter() - begun:.0f} s")
        print("| command | seconds | CPU-seconds | peak memory, MiB |\n|---|---|---|---|")
        timed("start of the program", "status", "--help")
        timed("status", "status", "out", "--json")
        timed("watch, before the results are written", "watch", "out", "--once")
        steps = {"nothing left to perform": lambda: claimed.perform(ignore), "conclusions": claimed.conclude}
        for what, work in steps.items():
            begun, cpu = time.perf_counter(), time.process_time()
            work()
            shown(f"compare, {what}", time.perf_counter() - begun, time.process_time() - cpu)
        timed("report", "report", "out")
        timed("watch", "watch", "out", "--once")
        os.chdir("/")


def timed(what: str, *words: str) -> None:
    begun, peak = time.perf_counter(), 0
    with Path(os.devnull).open("w") as nowhere:
        process = psutil.Popen([sys.executable, "-m", "convstudy", *words], stdout=nowhere)
        while not (ended := os.wait4(process.pid, os.WNOHANG))[0]:
            peak = max(peak, process.memory_info().rss)
            time.sleep(0.02)
    _, status, used = ended
    failed = f" (failed: {status})" if status else ""
    shown(f"{what}{failed}", time.perf_counter() - begun, used.ru_utime + used.ru_stime, peak)


def shown(what: str, seconds: float, cpu: float, peak: float | None = None) -> None:
    print(f"| {what} | {seconds:.1f} | {cpu:.1f} | {'' if peak is None else f'{peak / 2**20:.0f}'} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--part", choices=("runs", "report", "one"))
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--images", type=int, default=10_000, help="test images of the report")
    parser.add_argument("--jobs", type=int, default=1, help="of part `one`, as is --engine")
    parser.add_argument("--engine", default="local")
    parser.add_argument("--folder", type=Path, help="where the runs are written; one in memory leaves out the disk")
    asked = parser.parse_args()
    if asked.part == "one":
        print(json.dumps(scheduled(asked.runs, asked.jobs, asked.engine, asked.folder)))
        return
    if asked.part != "report":
        show_runs(asked.runs, asked.folder)
    if asked.part != "runs":
        show_report(asked.runs, asked.images)


if __name__ == "__main__":
    main()
