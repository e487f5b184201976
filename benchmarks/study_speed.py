"""Wall time of a study: its runs side by side with one thread each, against one after another with a thread a core.

    uv run python benchmarks/study_speed.py

Both sides do the same runs of `studies/digits.yaml` (eight small networks, five seeds) through the command line, each
from an empty folder, start-up and report included. The peer is what a script with a loop over networks and seeds does:
PyTorch with as many threads as there are cores. The sides take turns; the machine should have nothing else to do.
"""

from __future__ import annotations

import argparse
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


def seconds(epochs: int, seeds: int, *, jobs: int, threads: int) -> float:
    """The wall time of the study, from the start of the command to its end."""
    with tempfile.TemporaryDirectory() as folder:
        words = ["compare", "-c", str(STUDY), "--output", str(Path(folder) / "study"), "--device", "cpu"]
        numbers = {"--epochs": epochs, "--seeds": seeds, "--jobs": jobs, "--threads": threads}
        flags = [str(word) for pair in numbers.items() for word in pair]
        started = time.perf_counter()
        subprocess.run([sys.executable, "-m", "convstudy", *words, *flags], check=True, capture_output=True)
        return time.perf_counter() - started


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
        together = seconds(asked.epochs, asked.seeds, jobs=cores, threads=1)
        in_turn = seconds(asked.epochs, asked.seeds, jobs=1, threads=cores)
        ratios.append(in_turn / together)
        print(f"side by side {together:.0f} s, one after another {in_turn:.0f} s: {ratios[-1]:.2f} times", flush=True)
    print(f"median of {asked.rounds}: {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})")


if __name__ == "__main__":
    main()
