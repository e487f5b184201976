"""Start-up time: CPU-seconds to print the table of a small network in a new interpreter, convstudy and torchinfo.

    uv run --group benchmarks python benchmarks/start_up.py

The programs run alternately; the minimum and the median over the rounds are printed, in CPU time on one thread (0 on
Windows, which does not report it for other processes). All but `models` and `data` load torch.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from statistics import median

NETWORK = """
import torch
from torch import nn
net = nn.Sequential(nn.Conv2d(3, 6, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2),
    nn.Flatten(), nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10))
"""
SIDES = {
    "import torch": ["-c", "import torch"],
    "convstudy summary net": ["-m", "convstudy", "summary", "net"],
    "convstudy summary resnet50": ["-m", "convstudy", "summary", "resnet50"],
    "convstudy models": ["-m", "convstudy", "models"],
    "convstudy data": ["-m", "convstudy", "data"],
    "torchinfo": ["-c", f"{NETWORK}import torchinfo; torchinfo.summary(net, (1, 3, 32, 32), verbose=1)"],
}


def seconds(command: list[str]) -> float:
    """Return the CPU time of one process on one thread."""
    before = os.times()
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    subprocess.run([sys.executable, *command], check=True, capture_output=True, env=environment)
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=10)
    options = parser.parse_args()
    taken: dict[str, list[float]] = {side: [] for side in SIDES}
    for _ in range(options.rounds):
        for side, command in SIDES.items():
            taken[side].append(seconds(command))
    print("| | fastest s | median s |\n|---|---|---|")
    for side, times in taken.items():
        print(f"| {side} | {min(times):.2f} | {median(times):.2f} |")


if __name__ == "__main__":
    main()
