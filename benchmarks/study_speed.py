"""Wall time of a study: parallel runs with one thread each, against sequential runs with one thread per core.

    uv run python benchmarks/study_speed.py

Both perform the same runs of `studies/digits.yaml` (eight small networks, five seeds) through the command line, in an
empty folder, including start-up and report; the parallel runs are also compared with their training steps alone. The
sequential runs correspond to a script with a loop over networks and seeds: PyTorch with as many threads as cores. Both
alternate; no other programs should be running.
"""

from __future__ import annotations

import argparse
import csv
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch

STUDY = Path(__file__).parent.parent / "studies/digits.yaml"


def seconds(epochs: int, seeds: int, *, jobs: int, threads: int) -> tuple[float, float]:
    """Return the wall time of the study, from the start of the command to its end, and that of its training steps."""
    with tempfile.TemporaryDirectory() as folder:
        words = ["compare", "-c", str(STUDY), "--output", str(Path(folder) / "study"), "--device", "cpu"]
        numbers = {"--epochs": epochs, "--seeds": seeds, "--jobs": jobs, "--threads": threads}
        flags = [str(word) for pair in numbers.items() for word in pair]
        started = time.perf_counter()
        subprocess.run([sys.executable, "-m", "convstudy", *words, *flags], check=True, capture_output=True)
        took = time.perf_counter() - started
        runs = [csv.DictReader(file.read_text().splitlines()) for file in Path(folder).rglob("epochs.csv")]
        return took, sum(float(epoch["seconds"]) for run in runs for epoch in run)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=1)
    asked = parser.parse_args()
    cores = os.cpu_count() or 1
    print(f"torch {torch.__version__}, {platform.machine()}, {cores} cores; {asked.epochs} epochs, {asked.seeds} seeds")
    ratios = []
    for _ in range(asked.rounds):
        together, steps = seconds(asked.epochs, asked.seeds, jobs=cores, threads=1)
        print(
            f"parallel {together:.0f} s, {together * cores / steps:.2f} times its steps divided by the cores",
            flush=True,
        )
        in_turn, _ = seconds(asked.epochs, asked.seeds, jobs=1, threads=cores)
        ratios.append(in_turn / together)
        print(f"sequential {in_turn:.0f} s, ratio {ratios[-1]:.2f}", flush=True)
    print(f"median ratio of {asked.rounds}: {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})")


if __name__ == "__main__":
    main()
