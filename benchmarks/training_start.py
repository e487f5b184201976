"""Time from the start of a process to its first training step, and peak memory: `convstudy train` and other loops.

    uv run --group benchmarks python benchmarks/training_start.py --data path/to/folder

The folder contains CIFAR-10's `cifar-10-batches-py`. Each program runs in a separate process with all 50,000 images at
32x32 for 20 steps; the programs alternate. `convstudy train` is the whole command: it counts the network, checks the
data, splits off the validation set and, unless it knows it from an earlier run, measures the fastest number of threads.
The others are those of training_peers.py. Memory is the peak of the process plus the private memory of its workers.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
import torch
from torch.optim.optimizer import register_optimizer_step_post_hook

OURS = "convstudy train"
BATCH_SIZE, STEPS = 128, 20


def watch() -> None:
    """Report the first step of any optimizer, and end the process after 20 steps."""
    started, first, steps = psutil.Process().create_time(), [0.0, 0.0], [0]

    def after(*_: object) -> None:
        steps[0] += 1
        if steps[0] == 1:
            first[:] = time.time() - started, cpu_seconds()
        if steps[0] == STEPS:
            workers = psutil.Process().children(recursive=True)
            own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
            held = own + sum(worker.memory_full_info().uss for worker in workers)
            print(json.dumps({"seconds": first[0], "cpu": first[1], "bytes": held}), flush=True)
            for worker in workers:
                worker.kill()
            os._exit(0)

    register_optimizer_step_post_hook(after)


def cpu_seconds() -> float:
    """Return the CPU-seconds of this process and its workers, which may be a few batches ahead."""
    workers = [process.cpu_times() for process in psutil.Process().children(recursive=True)]
    return sum(os.times()[:4]) + float(sum(times.user + times.system for times in workers))


def start(side: str, data: Path, network: str) -> None:
    """Train with one program, until `watch` ends it."""
    if side == OURS:
        from convstudy.cli.app import main as convstudy  # noqa: PLC0415 - each side imports what it needs

        watch()
        with tempfile.TemporaryDirectory() as folder:
            words = ["train", network, "--data", "cifar10", "--data-dir", str(data), "--batch-size", str(BATCH_SIZE)]
            sys.argv = ["convstudy", *words, "--output", f"{folder}/run"]
            convstudy()
        return
    from torchvision.datasets import CIFAR10  # noqa: PLC0415

    from convstudy.training import Recipe  # noqa: PLC0415
    from convstudy.zoo import build  # noqa: PLC0415
    from training_peers import PEERS, Clock, Work  # noqa: PLC0415

    watch()
    part = CIFAR10(data, train=True)
    recipe = Recipe(batch_size=BATCH_SIZE, horizontal_flip=True)
    work = Work(lambda: build(network, num_classes=10, in_channels=3), part.data, part.targets, recipe, 2)
    PEERS[side](work)(Clock())


def main() -> None:
    sides = (OURS, "plain PyTorch", "torchvision's reference", "timm's train.py", "Lightning")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--network", default="net")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--sides", nargs="+", choices=sides, default=sides, metavar="PROGRAM", help="which to run")
    parser.add_argument("--side", choices=sides, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.side:
        start(asked.side, asked.data, asked.network)
        return
    print(
        f"{asked.network}, CIFAR-10, batch {BATCH_SIZE}, {asked.rounds} rounds; torch {torch.__version__}", flush=True
    )
    found: dict[str, list[dict[str, float]]] = {side: [] for side in asked.sides}
    for _ in range(asked.rounds):
        for side in asked.sides:
            done = subprocess.run(
                [sys.executable, *sys.argv, "--side", side], capture_output=True, text=True, check=True
            )
            found[side].append(json.loads(next(line for line in done.stdout.splitlines() if line.startswith("{"))))
    for side, values in found.items():
        seconds, cpu, held = ([one[key] for one in values] for key in ("seconds", "cpu", "bytes"))
        print(
            f"  {side:24s} first step after {statistics.median(cpu):5.1f} CPU-s ({min(cpu):.1f} to {max(cpu):.1f}), "
            f"{statistics.median(seconds):5.1f} s ({min(seconds):.1f} to {max(seconds):.1f}); at most "
            f"{statistics.median(held) / 1e6:,.0f} MB"
        )


if __name__ == "__main__":
    main()
