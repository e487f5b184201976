"""CPU-seconds of a training step with and without memory that is kept for the next one, and peak memory.

    uv run python benchmarks/freed_memory.py --cases net/32/128 resnet20/32/64 resnet50/128/32

A case is network/side/batch size. Each side has a process of its own, in which nothing else has been allocated before:
what glibc keeps by default depends on the blocks that a program has freed, such as images that it has read. Both
alternate round by round; a round is `--steps` steps, after one round that does not count.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import statistics
import time
from contextlib import nullcontext
from functools import partial
from multiprocessing.connection import Connection

import torch

from convstudy.freed_memory import freed_memory_kept
from convstudy.study.models.entering import entrant
from convstudy.study.models.opening import open_model
from convstudy.training.objective import objective
from convstudy.zoo import build

CASES = [
    "net/32/128",
    "lenet5/32/128",
    "resnet20/32/64",
    "resnet18/32/32",
    "resnet34/64/64",
    "resnet50/128/32",
]
Round = tuple[float, float, float]  # milliseconds and page faults of a step, and peak memory in MB


def train(case: str, kept: bool, steps: int, connection: Connection) -> None:
    """Train with random images, a round for each message."""
    torch.set_num_threads(1)
    name, side, batch_size = case.split("/")
    last = entrant(open_model(name), (3, int(side), int(side)), 10).channels_last
    layout = torch.channels_last if last else torch.contiguous_format
    network = build(name, num_classes=10, in_channels=3).to(memory_format=layout)
    images = torch.randn(int(batch_size), 3, int(side), int(side)).contiguous(memory_format=layout)
    labels = torch.arange(int(batch_size)) % 10
    optimizer = torch.optim.SGD(network.parameters(), 0.001, 0.9, nesterov=True, fused=True)
    with freed_memory_kept() if kept else nullcontext():
        while True:
            connection.recv()
            before, cpu = resource.getrusage(resource.RUSAGE_SELF), time.process_time()
            for _ in range(steps):
                optimizer.zero_grad()
                objective(network(images), labels, 0.1)[0].backward()  # type: ignore[no-untyped-call]
                optimizer.step()
            after = resource.getrusage(resource.RUSAGE_SELF)
            milliseconds = 1000 * (time.process_time() - cpu) / steps
            connection.send((milliseconds, (after.ru_minflt - before.ru_minflt) / steps, after.ru_maxrss / 1000))


def measure(case: str, steps: int, rounds: int) -> None:
    context = multiprocessing.get_context("fork")
    connections, processes = [], []
    for kept in (False, True):
        ours, theirs = context.Pipe()
        processes.append(context.Process(target=partial(train, case, kept, steps, theirs), daemon=True))
        processes[-1].start()
        connections.append(ours)
    found: list[list[Round]] = [[], []]
    for number in range(rounds + 1):
        for connection, values in zip(connections, found, strict=True):
            connection.send(None)
            value: Round = connection.recv()
            if number:
                values.append(value)
    for process in processes:
        process.kill()
    ratios = [default[0] / kept[0] for default, kept in zip(*found, strict=True)]
    (time_by_default, faults, peak), (time_kept, faults_kept, peak_kept) = (
        [statistics.median(column) for column in zip(*values, strict=True)] for values in found
    )
    print(
        f"  {case:18s} {time_by_default:8.1f} ms, {faults:9,.0f} page faults, {peak:6,.0f} MB; "
        f"kept {time_kept:8.1f} ms, {faults_kept:7,.0f}, {peak_kept:6,.0f} MB; "
        f"ratio {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", nargs="+", default=CASES, metavar="NETWORK/SIDE/BATCH")
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    print(f"one step, one thread, torch {torch.__version__}; median of {asked.rounds} rounds of {asked.steps} steps")
    for case in asked.cases:
        measure(case, asked.steps, asked.rounds)


if __name__ == "__main__":
    main()
