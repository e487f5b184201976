"""Training speed in images/s on CIFAR-10: convstudy, plain PyTorch, torchvision's reference, timm and Lightning.

    uv run --group benchmarks python benchmarks/training_speed.py --data path/to/folder --network net

The folder contains CIFAR-10's `cifar-10-batches-py`. Network, batch size, optimizer, loss, augmentation (crop with an
eighth of the side as padding, flip) and images are the same; training_peers.py has the differences. convstudy uses the
memory format of its rule, as `convstudy train` does. Each has a process of its own, and they alternate epoch by epoch
after one epoch that is not timed, so that other programs slow all of them; results are per CPU-second, including
workers, and per wall second. Bare steps are those of the network as it is written, or as convstudy runs them: the
fraction of convstudy's CPU-seconds that the latter do not take is the overhead outside the model.
"""

from __future__ import annotations

import argparse
import multiprocessing
import platform
import statistics
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from importlib.metadata import version
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torchvision.datasets import CIFAR10

from convstudy.study.models.entering import entrant
from convstudy.study.models.opening import open_model
from convstudy.training import Recipe
from convstudy.zoo import build
from training_peers import (
    PEERS,
    Clock,
    Epoch,
    Pixels,
    Work,
    amp,
    bare_steps,
    channels_last,
    convstudy,
    steps_as_run,
    timm_train,
)

SIDES = {"net": 32, "resnet20": 32, "resnet34": 64}
IMAGES = {"net": 10_000, "resnet20": 1280, "resnet34": 512}  # per epoch, for some seconds of training
BATCH_SIZE = 128


def images_of(data: Path, count: int, side: int) -> tuple[Pixels, list[int]]:
    """Return the first images of the training set, resized if their side differs, and their labels."""
    part = CIFAR10(data, train=True)
    pixels = part.data[:count]
    if side != pixels.shape[1]:
        pixels = np.stack([np.asarray(Image.fromarray(image).resize((side, side))) for image in pixels])
    return pixels, part.targets[:count]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--network", choices=SIDES, default="net")
    parser.add_argument("--images", type=int)
    parser.add_argument("--threads", type=int, default=1, help="of torch, in the process that trains")
    parser.add_argument("--workers", type=int, default=2, help="of the peers' DataLoader")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--sides", nargs="+", help="only these loops, convstudy and both bare steps among them")
    asked = parser.parse_args()
    side, count = SIDES[asked.network], asked.images or IMAGES[asked.network]
    make = partial(build, asked.network, num_classes=10, in_channels=3)
    recipe = Recipe(epochs=1, batch_size=BATCH_SIZE, horizontal_flip=True, warmup_epochs=0)
    work = Work(make, *images_of(asked.data, count, side), recipe, asked.workers)
    last = entrant(open_model(asked.network), (3, side, side), 10).channels_last
    own = replace(work, recipe=replace(recipe, channels_last=last))
    sides: dict[str, Callable[[], Epoch]] = {
        "convstudy": partial(convstudy, own),
        **{name: partial(peer, work) for name, peer in PEERS.items()},
        "bare steps": partial(bare_steps, own),
        "bare steps, as run": partial(steps_as_run, own),
        "convstudy, --amp": partial(amp(convstudy), own),
        "timm, --amp --channels-last": partial(channels_last(amp(timm_train)), work),
    }
    if asked.sides:
        sides = {name: sides[name] for name in asked.sides}
    packages = ", ".join(f"{name} {version(name)}" for name in ("torch", "torchvision", "timm", "lightning"))
    print(
        f"{asked.network}, 3x{side}x{side}, batch {BATCH_SIZE}, {count} images per epoch, {asked.rounds} rounds; "
        f"{asked.threads} threads, {asked.workers} workers; channels-last by rule: {last}"
        f"\n{packages}; {platform.machine()}",
        flush=True,
    )
    clocks = rounds(sides, asked.rounds, asked.threads)
    report(clocks, count, "CPU-seconds", lambda clock: clock.cpu)
    report(clocks, count, "seconds", lambda clock: clock.wall)
    for bare in ("bare steps", "bare steps, as run"):
        around = [1 - steps.cpu / ours.cpu for steps, ours in zip(clocks[bare], clocks["convstudy"], strict=True)]
        print(f"not taken by {bare}: {spread([100 * part for part in around], '.1f')} % of convstudy's CPU-seconds")


def rounds(sides: dict[str, Callable[[], Epoch]], count: int, threads: int) -> dict[str, list[Clock]]:
    """Time `count` epochs of each loop, alternately, after one epoch that does not count.

    Each loop has a process of its own, because freed memory that one loop keeps would serve the others, too.
    """
    found: dict[str, list[Clock]] = {name: [] for name in sides}
    with ExitStack() as stack:
        epochs = {name: stack.enter_context(in_process(side, threads)) for name, side in sides.items()}
        for number in range(count + 1):
            for name, epoch in epochs.items():
                clock = epoch()
                if number:
                    found[name].append(clock)
    return found


@contextmanager
def in_process(side: Callable[[], Epoch], threads: int) -> Iterator[Callable[[], Clock]]:
    """Start a process for a loop, and yield what lets it run and time one epoch."""
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()
    process = context.Process(target=answer, args=(side, threads, theirs))
    process.start()
    theirs.close()

    def epoch() -> Clock:
        ours.send(None)
        clock: Clock = ours.recv()
        return clock

    try:
        yield epoch
    finally:
        process.kill()
        process.join()


def answer(side: Callable[[], Epoch], threads: int, connection: Connection) -> None:
    torch.set_num_threads(threads)
    epoch = side()
    while True:
        connection.recv()
        clock = Clock()
        epoch(clock)
        connection.send(clock)


def report(clocks: dict[str, list[Clock]], images: int, unit: str, seconds: Callable[[Clock], float]) -> None:
    """Print images per second of each loop, and the ratio of convstudy to it in the same round."""
    print(f"images per {unit.removesuffix('s')}: median (lowest to highest), and ratio of convstudy to it")
    rates = {name: [images / seconds(clock) for clock in all_of_one] for name, all_of_one in clocks.items()}
    for name, values in rates.items():
        ours = rates["convstudy, --amp" if "--amp" in name else "convstudy"]
        ratios = [mine / theirs for mine, theirs in zip(ours, values, strict=True)]
        print(f"  {name:28s} {spread(values, ',.0f'):32s} {spread(ratios, '.2f')}", flush=True)


def spread(values: list[float], form: str) -> str:
    return f"{statistics.median(values):{form}} ({min(values):{form}} to {max(values):{form}})"


if __name__ == "__main__":
    main()
