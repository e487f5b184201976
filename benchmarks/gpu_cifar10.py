"""Time to 94% top-1 on CIFAR-10 with resnet18 and a stem for small images, on one GPU.

    python benchmarks/gpu_cifar10.py --data path/to/folder --runs 10
    python benchmarks/gpu_cifar10.py --data path/to/folder --runs 1 --epochs 1 --images 256 --no-compile  # on a CPU

The folder contains CIFAR-10's `cifar-10-batches-py`. The techniques are settings of convstudy's recipe: images resident
on the device, alternating flips (Jordan 2024), bfloat16, channels-last, one cycle (Smith & Topin 2018), label smoothing
and a compiled network. Every run has its own seed; a first run is not counted, because it includes compilation. Seconds
are those of the training steps; nothing is selected on the test set, which each run opens once. The benchmark has not
been run on a GPU yet: epochs and learning rates are not tuned.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import time
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import torch
from torch import nn
from torchvision.datasets import CIFAR10

from convstudy.inference import ResidentImages, predict
from convstudy.training import Recipe, TrainingBatches, train
from convstudy.zoo import build

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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--epochs", type=int, default=RECIPE.epochs)
    parser.add_argument("--batch-size", type=int, default=RECIPE.batch_size)
    parser.add_argument("--lr", type=float, default=RECIPE.lr)
    parser.add_argument("--images", type=int, help="of each set, for a quick trial")
    parser.add_argument("--compile", action=argparse.BooleanOptionalAction, default=RECIPE.compile)
    asked = parser.parse_args()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    given = {name: getattr(asked, name) for name in ("epochs", "batch_size", "lr", "compile")}
    recipe = replace(RECIPE, **given, warmup_epochs=asked.epochs / 4)
    training, test = (resident(asked.data, part, asked.images, device) for part in (True, False))
    found = [run(seed, recipe, training, test) for seed in range(asked.runs + 1)][1:]
    seconds, top1 = zip(*found, strict=True)
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.machine()
    print(
        f"{name}, Python {platform.python_version()}, torch {torch.__version__}, convstudy {version('convstudy')}; "
        f"{len(training):,} training and {len(test):,} test images, {recipe.epochs} epochs, batch {recipe.batch_size}, "
        f"lr {recipe.lr:g}, compiled: {recipe.compile}"
    )
    spread = statistics.stdev(top1) if len(top1) > 1 else 0.0
    print(
        f"{len(found)} runs: {statistics.mean(seconds):.2f} s ({min(seconds):.2f} to {max(seconds):.2f}); mean top-1 "
        f"{100 * statistics.mean(top1):.2f} %, standard deviation {100 * spread:.2f}"
    )


if __name__ == "__main__":
    main()
