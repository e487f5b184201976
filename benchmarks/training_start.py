"""Time from the start of a process to its first training step, and peak memory: convstudy and other loops.

    uv run --group benchmarks python benchmarks/training_start.py --data path/to/folder

The folder contains CIFAR-10's `cifar-10-batches-py`. Each program runs in a separate process with all 50,000 images at
32x32 for 20 steps; the programs alternate. `convstudy train` is the whole command: it counts the network, checks the
data, splits off the validation set and, unless it knows it from an earlier run, measures the fastest number of threads.
`convstudy compare` does so for two networks with one seed, and starts a worker for each of the `--jobs`. The others are
those of training_peers.py. CPU-seconds are of all processes of a program, as is memory: the peak of its first process
plus the private memory of the others, and their files in memory, after the 20th step of one of them.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from importlib.metadata import version
from pathlib import Path

from first_step import start_watched

TRAIN, COMPARE = "convstudy train", "convstudy compare"
BATCH_SIZE, STEPS = 128, 20


def measured(side: str, data: Path, network: str, other: str, jobs: int | None) -> dict[str, float]:
    """Return what a program has used until its first step, and its memory."""
    if side not in {TRAIN, COMPARE}:
        return start_watched([__file__, "--data", str(data), "--network", network, "--side", side], STEPS)
    with tempfile.TemporaryDirectory() as folder:
        words = ["--data", "cifar10", "--data-dir", str(data), "--batch-size", str(BATCH_SIZE)]
        words += ["--output", f"{folder}/runs"]
        if side == COMPARE:
            words = [network, other, "--seeds", "1", *([] if jobs is None else ["--jobs", str(jobs)]), *words]
        return start_watched(["-m", "convstudy", side.split()[1], *([network] * (side == TRAIN)), *words], STEPS)


def start(side: str, data: Path, network: str) -> None:
    """Train with another program's loop, until it is ended."""
    from torchvision.datasets import CIFAR10  # noqa: PLC0415 - in the process that is measured

    from convstudy.training import Recipe  # noqa: PLC0415
    from convstudy.zoo import build  # noqa: PLC0415
    from training_peers import PEERS, Clock, Work  # noqa: PLC0415

    part = CIFAR10(data, train=True)
    recipe = Recipe(batch_size=BATCH_SIZE, horizontal_flip=True)
    work = Work(lambda: build(network, num_classes=10, in_channels=3), part.data, part.targets, recipe, 2)
    PEERS[side](work)(Clock())


def main() -> None:
    sides = (TRAIN, COMPARE, "plain PyTorch", "torchvision's reference", "timm's train.py", "Lightning")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--network", default="net")
    parser.add_argument("--other", default="lenet5", help="network that is compared with it")
    parser.add_argument("--jobs", type=int, help="of `convstudy compare`")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--sides", nargs="+", choices=sides, default=sides, metavar="PROGRAM", help="which to run")
    parser.add_argument("--side", choices=sides, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.side:
        start(asked.side, asked.data, asked.network)
        return
    print(f"{asked.network}, CIFAR-10, batch {BATCH_SIZE}, {asked.rounds} rounds; torch {version('torch')}", flush=True)
    found: dict[str, list[dict[str, float]]] = {side: [] for side in asked.sides}
    for _ in range(asked.rounds):
        for side in asked.sides:
            found[side].append(measured(side, asked.data, asked.network, asked.other, asked.jobs))
    for side, values in found.items():
        seconds, cpu, held = ([one[key] for one in values] for key in ("seconds", "cpu", "bytes"))
        print(
            f"  {side:24s} first step after {statistics.median(cpu):5.1f} CPU-s ({min(cpu):.1f} to {max(cpu):.1f}), "
            f"{statistics.median(seconds):5.1f} s ({min(seconds):.1f} to {max(seconds):.1f}); at most "
            f"{statistics.median(held) / 1e6:,.0f} MB"
        )


if __name__ == "__main__":
    main()
