"""CIFAR-10 on one GPU: images per second of three networks in three loops, and seconds to 94% top-1 with resnet18.

    python benchmarks/gpu_cifar10.py --data path/to/folder
    python benchmarks/gpu_cifar10.py --data path/to/folder --runs 1 --epochs 1 --images 256 --no-compile  # on a CPU

The folder contains CIFAR-10's `cifar-10-batches-py`. Images per second are those of `net`, `resnet20` and `resnet18`
with a stem for small images, in bfloat16 and channels-last, with convstudy, compiled and not, and with the loops of
plain PyTorch and timm of training_peers.py: epochs of whole batches, after one that is not timed. The loops take turns;
the compiled epochs are those of one training after that.

For the seconds to 94%, the techniques are settings of convstudy's recipe: images resident on the device, alternating
flips (Jordan 2024), bfloat16, channels-last, one cycle (Smith & Topin 2018), label smoothing and a compiled network.
Every run has its own seed; a first run is not counted, because it includes compilation. Seconds are those of the
training steps; nothing is selected on the test set, which each run opens once. What the same epochs would take at the
images per second of the other loops is computed, not measured.

The benchmark has not been run on a GPU yet: epochs and learning rates are not tuned.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from importlib.metadata import version
from pathlib import Path

import torch
from torch import nn
from torchvision.datasets import CIFAR10

from convstudy.inference import ResidentImages, predict
from convstudy.training import Recipe, TrainingBatches, train
from convstudy.zoo import build
from training_peers import Clock, Work, convstudy, plain_pytorch, timm_train

MEAN, STD = (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)
RECIPE = Recipe(
    epochs=16,
    batch_size=512,
    lr=0.4,
    warmup_epochs=4,
    schedule="one-cycle",
    horizontal_flip=True,
    alternating_flip=True,
    amp=True,
    channels_last=True,
    compile=True,
)


def network() -> nn.Module:
    """Build resnet18 for 32x32: the first convolution is 3x3 with stride 1, and no pooling follows it."""
    resnet18 = build("resnet18", num_classes=10, in_channels=3)
    resnet18.conv1 = nn.Conv2d(3, 64, 3, padding=1, bias=False)
    resnet18.maxpool = nn.Identity()
    nn.init.kaiming_normal_(resnet18.conv1.weight, mode="fan_out", nonlinearity="relu")
    return resnet18


NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "net": partial(build, "net", num_classes=10, in_channels=3),
    "resnet20": partial(build, "resnet20", num_classes=10, in_channels=3),
    "resnet18": network,
}


def images_per_second(work: Work, rounds: int) -> dict[str, list[float]]:
    """Return the images per second of each loop and epoch; the loops take turns."""
    as_it_is = replace(work, recipe=replace(work.recipe, compile=False))
    loops = {"convstudy": convstudy(as_it_is), "plain PyTorch": plain_pytorch(work), "timm": timm_train(work)}
    found: dict[str, list[float]] = {name: [] for name in loops}
    for number in range(rounds + 1):
        for name, epoch in loops.items():
            clock = Clock()
            epoch(clock)
            if number:
                found[name].append(len(work.labels) / clock.wall)
    if work.recipe.compile:
        found["convstudy, compiled"] = compiled(work, rounds)
    return found


def compiled(work: Work, rounds: int) -> list[float]:
    """Return the images per second of the epochs of one training, after the first one, which compiles."""
    images = torch.from_numpy(work.pixels).permute(0, 3, 1, 2).to(work.device)
    held = ResidentImages(images, torch.tensor(work.labels, device=work.device), MEAN, STD)
    batches = TrainingBatches(held, replace(work.recipe, epochs=rounds + 1), seed=0)
    return [len(work.labels) / epoch.seconds for epoch in train(work.network(), batches, None)[1:]]


def resident(data: Path, train: bool, count: int | None, device: torch.device) -> ResidentImages:
    part = CIFAR10(data, train=train)
    images = torch.from_numpy(part.data[:count]).permute(0, 3, 1, 2).to(device)  # in the memory format channels-last
    return ResidentImages(images, torch.tensor(part.targets[:count], device=device), MEAN, STD)


def run(seed: int, recipe: Recipe, training: ResidentImages, test: ResidentImages) -> tuple[float, float]:
    """Return the seconds of training and the top-1 accuracy on the test set."""
    device = training.labels.device
    torch.manual_seed(seed)
    trained = network().to(device).to(memory_format=torch.channels_last)
    batches = TrainingBatches(training, recipe, seed)
    started = time.perf_counter()
    train(trained, batches, None)
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    seconds = time.perf_counter() - started
    right = predict(trained, test).argmax(1) == test.labels.cpu()
    return seconds, right.float().mean().item()


def compare_loops(data: Path, recipe: Recipe, asked: argparse.Namespace, device: torch.device) -> dict[str, float]:
    """Print the images per second of each network and loop; return the medians of the last network, resnet18."""
    part = CIFAR10(data, train=True)
    count = asked.images or len(part.targets)
    batch_size = min(recipe.batch_size, count)
    count -= count % batch_size  # because timm drops what is left
    plain = replace(recipe, schedule="cosine", warmup_epochs=0.0, lr=0.1, batch_size=batch_size)
    medians: dict[str, float] = {}
    for name, make in NETWORKS.items():
        work = Work(make, part.data[:count], part.targets[:count], plain, asked.workers, device)
        found = images_per_second(work, asked.rounds)
        medians = {loop: statistics.median(rates) for loop, rates in found.items()}
        print(f"{name}, images per second: median of {asked.rounds} (lowest to highest), and convstudy's ratio to it")
        for loop, rates in found.items():
            ratio = medians["convstudy"] / medians[loop]
            print(
                f"  {loop:20s} {medians[loop]:10,.0f} ({min(rates):,.0f} to {max(rates):,.0f})  {ratio:.2f}", flush=True
            )
    return medians


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--runs", type=int, default=3, help="to 94%%")
    parser.add_argument("--rounds", type=int, default=3, help="epochs of each loop")
    parser.add_argument("--workers", type=int, default=min(os.cpu_count() or 1, 14), help="of the peers' DataLoader")
    parser.add_argument("--epochs", type=int, default=RECIPE.epochs)
    parser.add_argument("--batch-size", type=int, default=RECIPE.batch_size)
    parser.add_argument("--lr", type=float, default=RECIPE.lr)
    parser.add_argument("--images", type=int, help="of each set, for a quick trial")
    parser.add_argument("--compile", action=argparse.BooleanOptionalAction, default=RECIPE.compile)
    asked = parser.parse_args()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    given = {name: getattr(asked, name) for name in ("epochs", "batch_size", "lr", "compile")}
    recipe = replace(RECIPE, **given, warmup_epochs=asked.epochs / 4)
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.machine()
    packages = ", ".join(f"{package} {version(package)}" for package in ("torch", "convstudy", "timm"))
    print(f"{name}, Python {platform.python_version()}, {packages}; {asked.workers} workers of the other loops")
    medians = compare_loops(asked.data, recipe, asked, device)
    training, test = (resident(asked.data, part, asked.images, device) for part in (True, False))
    found = [run(seed, recipe, training, test) for seed in range(asked.runs + 1)][1:]
    seconds, top1 = zip(*found, strict=True)
    print(
        f"resnet18, {len(training):,} training and {len(test):,} test images, {recipe.epochs} epochs, batch "
        f"{recipe.batch_size}, lr {recipe.lr:g}, compiled: {recipe.compile}"
    )
    spread = statistics.stdev(top1) if len(top1) > 1 else 0.0
    print(
        f"  {len(found)} runs: {statistics.mean(seconds):.2f} s ({min(seconds):.2f} to {max(seconds):.2f}); mean top-1 "
        f"{100 * statistics.mean(top1):.2f} %, standard deviation {100 * spread:.2f}"
    )
    for loop in ("plain PyTorch", "timm"):
        print(f"  as many epochs at the speed of {loop}: {recipe.epochs * len(training) / medians[loop]:.1f} s")


if __name__ == "__main__":
    main()
