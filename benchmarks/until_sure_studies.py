"""`compare --until sure` on real data: runs used, verdicts and time, against five seeds per network.

    uv run python benchmarks/until_sure_studies.py --data DIR [--only digits] [--output DIR]

scikit-learn's digits and a part of CIFAR-10 (from DIR, where torchvision keeps it), with two and with eight small
networks. Each is compared with five seeds, until sure, until sure from scratch with other seeds, and until sure again
with the first seeds, killed (SIGKILL) in the middle of a run and started again. All through the command line, in empty
folders; wall times include start-up, data and report, CPU times those of all processes. Measured
rows are kept in the output folder, so that an interrupted benchmark continues.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
TWO = ("net", "lenet5")
OWN = ("linear", "perceptron", "one_convolution", "narrow", "averaged")
EIGHT = ("net", "lenet5", "lecture", *(f"small_networks.py:{name}" for name in OWN))
RECIPE = ("--opt", "adamw", "--lr", "0.002", "--epochs", "8")
OTHER_SEEDS = 100  # the first one
POLL_SECONDS = 0.05
KINDS = ("fixed", "sure", "other", "killed")


@dataclass(frozen=True)
class Study:
    """Networks and data."""

    data: str
    networks: tuple[str, ...]
    flags: tuple[str, ...]
    jobs: int

    @property
    def name(self) -> str:
        return f"{self.data}-{len(self.networks)}"

    def command(self, output: Path, *more: str) -> list[str]:
        words = ["compare", *self.networks, "--data", self.data, *RECIPE, *self.flags, "--jobs", str(self.jobs)]
        return [sys.executable, "-m", "convstudy", *words, *more, "--output", str(output)]


def studies(folder: Path, jobs: int) -> list[Study]:
    part = ("--data-dir", str(folder), "--train-images", "1000")
    return [
        Study(data, networks, flags, jobs)
        for networks in (TWO, EIGHT)
        for data, flags in (("digits", ()), ("cifar10", part))
    ]


def perform(command: list[str], *, kill_after: int | None = None) -> tuple[float, float, bool]:
    """Run a command, and return its wall time, its CPU time and whether it was killed.

    With `kill_after`, it is killed in the middle of the first run that follows so many finished ones.
    """
    output = Path(command[-1])
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.perf_counter()
    with (output.parent / f"{output.name}.txt").open("a") as log:
        process = subprocess.Popen(command, cwd=HERE, stdout=log, stderr=log)
        killed = kill_after is not None and _kill(process, output, kill_after)
        if process.wait() and not killed:
            raise SystemExit(f"failed: {' '.join(command)}; see {log.name}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.perf_counter() - started, used, killed


def _kill(process: subprocess.Popen[bytes], output: Path, finished: int) -> bool:
    while process.poll() is None:
        runs = [path.parent for path in output.glob("*/seed-*/epochs.csv")]
        begun = [run for run in runs if not (run / "run.json").exists()]
        if len(runs) - len(begun) >= finished and begun:
            process.send_signal(signal.SIGKILL)
            return True
        time.sleep(POLL_SECONDS)
    return False


def measured(command: list[str]) -> dict[str, Any]:
    shutil.rmtree(command[-1], ignore_errors=True)
    wall, cpu, _ = perform(command)
    return {"wall": wall, "cpu": cpu, **outcome(Path(command[-1]))}


def outcome(output: Path) -> dict[str, Any]:
    results = json.loads((output / "results.json").read_text())
    return {
        "runs": {model["name"]: len(model["top1"]["per_seed"]) for model in results["models"]},
        "top1": {model["name"]: model["top1"]["per_seed"] for model in results["models"]},
        "verdicts": {f"{pair['a']}, {pair['b']}": stated(pair) for pair in results["comparisons"]},
        "sequential": results["sequential"],
        "health": [finding["model"] for finding in results["health"]],
        "comparisons": results["comparisons"],
    }


def stated(pair: dict[str, Any]) -> str:
    size = f"{100 * pair['difference']:+.1f} ({100 * pair['low']:.1f} to {100 * pair['high']:.1f})"
    return f"{pair['better'] or pair['verdict']} {size}"


def predictions(output: Path) -> dict[str, str]:
    """Return a hash of the answers of each run."""
    files = sorted(output.glob("*/seed-*/predictions.parquet"))
    return {str(file.relative_to(output)): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def killed_and_continued(study: Study, output: Path, whole: Path) -> dict[str, Any]:
    """Kill the study halfway, repeat the command, and compare with the study that was not interrupted."""
    shutil.rmtree(output, ignore_errors=True)
    command = study.command(output, "--until", "sure")
    before = outcome(whole)
    _, _, killed = perform(command, kill_after=sum(before["runs"].values()) // 2)
    kept = len(list(output.glob("*/seed-*/run.json")))
    perform(command)
    after = outcome(output)
    same = [key for key in ("runs", "top1", "sequential", "comparisons") if before[key] == after[key]]
    if predictions(output) == predictions(whole):
        same.append("predictions")
    return {"killed": killed, "runs when killed": kept, "same": same, **after}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with cifar-10-batches-py")
    parser.add_argument("--only", choices=["digits", "cifar10", "digits-2", "cifar10-2", "digits-8", "cifar10-8"])
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS)
    parser.add_argument("--jobs", type=int, default=1, help="runs at a time")
    parser.add_argument("--output", type=Path, default=Path("runs/until-sure"))
    asked = parser.parse_args()
    os.environ |= {"PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"}
    output = asked.output.resolve()
    output.mkdir(parents=True, exist_ok=True)
    kept = output / "measured.json"
    rows = json.loads(kept.read_text()) if kept.exists() else {}
    for study in studies(asked.data.resolve(), asked.jobs):
        if asked.only not in {None, study.data, study.name}:
            continue
        for kind in asked.kinds:
            name = f"{study.name}-{kind}"
            if name not in rows:
                rows[name] = part(study, kind, output)
                kept.write_text(json.dumps(rows, indent=1))
            print(described(name, rows[name]), flush=True)


def part(study: Study, kind: str, output: Path) -> dict[str, Any]:
    folder = output / f"{study.name}-{kind}"
    if kind == "killed":
        return killed_and_continued(study, folder, output / f"{study.name}-sure")
    until = ["--seeds", "5"] if kind == "fixed" else ["--until", "sure"]
    return measured(study.command(folder, *until, *(["--seed", str(OTHER_SEEDS)] if kind == "other" else [])))


def described(name: str, row: dict[str, Any]) -> str:
    runs = ", ".join(f"{model.rpartition(':')[2]} {count}" for model, count in row["runs"].items())
    went = row["sequential"] or {"ending": "fixed", "remaining": list(row["runs"]), "images_needed": None}
    left = ", ".join(model.rpartition(":")[2] for model in went["remaining"])
    time_used = f"{row['wall']:.0f} s, CPU {row['cpu']:.0f} s" if "wall" in row else ""
    again = f"killed after {row['runs when killed']} runs: same {row['same']}" if "killed" in row else ""
    lines = [f"{name}: {sum(row['runs'].values())} runs ({runs}) {time_used} {again}"]
    lines.append(f"  ended: {went['ending']}, left: {left}, images needed: {went['images_needed']}")
    lines.append(f"  unhealthy: {row['health']}")
    lines += [f"  {pair}: {verdict}" for pair, verdict in row["verdicts"].items()]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
