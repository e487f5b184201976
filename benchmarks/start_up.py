"""Start-up time: CPU-seconds to print the table of a network in a new interpreter, convstudy and torchinfo.

    uv run --group benchmarks python benchmarks/start_up.py

The programs run alternately; the minimum and the median over the rounds are printed, in CPU time on one thread (0 on
Windows, which does not report it for other processes), and what each takes beyond `import torch` in the same round:
median, lowest and highest. Without the group, torchinfo is left out. All but `models` and `data` load torch.
`--source` is the `src` folder of another version, such as a worktree of an earlier commit, to be run beside this one.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from statistics import median

NETWORK = """
import torch
from torch import nn
net = nn.Sequential(nn.Conv2d(3, 6, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2),
    nn.Flatten(), nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10))
"""
TORCH = "import torch"
NETWORKS = ("net", "vgg16", "googlenet", "resnet50", "resnet152")
OURS = {
    **{f"convstudy summary {name}": ["-m", "convstudy", "summary", name] for name in NETWORKS},
    "convstudy models": ["-m", "convstudy", "models"],
    "convstudy data": ["-m", "convstudy", "data"],
}
PEER = {"torchinfo": ["-c", f"{NETWORK}import torchinfo; torchinfo.summary(net, (1, 3, 32, 32), verbose=1)"]}


def seconds(command: list[str], source: Path | None) -> float:
    """Return the CPU time of one process on one thread, with the packages in `source` before all others."""
    before = os.times()
    environment = os.environ | {"OMP_NUM_THREADS": "1"} | ({"PYTHONPATH": str(source)} if source else {})
    subprocess.run([sys.executable, *command], check=True, capture_output=True, env=environment)
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--source", type=Path, help="`src` of another version, to be run beside this one")
    options = parser.parse_args()
    peers = PEER if find_spec("torchinfo") else {}
    sides = {TORCH: (["-c", TORCH], None), **{side: (command, None) for side, command in (OURS | peers).items()}}
    if options.source:
        sides |= {f"{side} ({options.source})": (command, options.source) for side, command in OURS.items()}
    taken: dict[str, list[float]] = {side: [] for side in sides}
    for _ in range(options.rounds):
        for side, (command, source) in sides.items():
            taken[side].append(seconds(command, source))
    print(f"| n = {options.rounds} | fastest s | median s | beyond `import torch` in the same round, s |")
    print("|---|---|---|---|")
    for side, times in taken.items():
        beyond = [each - torch for each, torch in zip(times, taken[TORCH], strict=True)]
        print(
            f"| {side} | {min(times):.2f} | {median(times):.2f} "
            f"| {median(beyond):+.2f} ({min(beyond):+.2f} to {max(beyond):+.2f}) |",
            flush=True,
        )


if __name__ == "__main__":
    main()
