"""Training images/s of the tutorial's net at 32x32x3: ours against the usual DataLoader with PIL transforms.

    uv run python benchmarks/training_speed.py

Same network, batch size, optimiser, schedule, loss, augmentation (crop with 4 pixels of padding, flip) and images; what
differs is where the batches come from, and their memory format (ours is that of `--channels-last`). The images are
random pixels, for speed does not depend on what they show. The two take turns, after a round that is not timed, so that
a busy machine slows both; the result is the median ratio.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
import torch.nn.functional as F
import torchvision
from torch.utils.data import DataLoader
from torchvision import transforms
from torchvision.datasets import VisionDataset

from convstudy.evaluation import ResidentImages
from convstudy.training import Recipe, TrainingBatches, train
from convstudy.training.optimiser import optimiser
from convstudy.training.schedule import learning_rate
from convstudy.zoo import build

MEAN, STD = (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)


class PilImages(VisionDataset):  # type: ignore[misc]  # torchvision has no types
    """What torchvision's CIFAR10 does with an image: an array in memory, through PIL, transformed one at a time."""

    def __init__(self, images: np.ndarray[tuple[int, ...], np.dtype[np.uint8]], labels: list[int]) -> None:
        self.images, self.labels = images, labels
        self.transform = transforms.Compose(
            [
                transforms.RandomCrop(32, padding=4),
                transforms.RandomHorizontalFlip(),
                transforms.ToTensor(),
                transforms.Normalize(MEAN, STD),
            ]
        )

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        image = transforms.functional.to_pil_image(self.images[index])
        return self.transform(image), self.labels[index]


def peer(images: PilImages, recipe: Recipe, workers: int) -> None:
    """One epoch of a plain PyTorch loop."""
    torch.manual_seed(0)
    network = build("net", num_classes=10, in_channels=3)
    optimizer = optimiser(network, recipe)
    loader: DataLoader[tuple[torch.Tensor, int]] = DataLoader(
        images, batch_size=recipe.batch_size, shuffle=True, num_workers=workers
    )
    for step, (batch, labels) in enumerate(loader):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, len(loader), recipe)
        loss = F.cross_entropy(network(batch), labels, label_smoothing=recipe.label_smoothing)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()


def ours(images: ResidentImages, validation: ResidentImages, recipe: Recipe) -> None:
    """One epoch of convstudy's training."""
    torch.manual_seed(0)
    network = build("net", num_classes=10, in_channels=3).to(memory_format=torch.channels_last)
    train(network, TrainingBatches(images, recipe, seed=0), validation)


def timed(run: Callable[[], None]) -> tuple[float, float]:
    """Seconds on the wall, and seconds of all cores, workers that have ended included."""
    before, started = os.times(), time.perf_counter()
    run()
    wall, after = time.perf_counter() - started, os.times()
    return wall, sum(after[:4]) - sum(before[:4])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()

    stream = np.random.default_rng(0)
    pixels = stream.integers(0, 256, (args.images, 32, 32, 3), dtype=np.uint8)
    labels = stream.integers(0, 10, args.images)
    recipe = Recipe(epochs=1, batch_size=args.batch_size, horizontal_flip=True)
    resident = ResidentImages.of(
        np.ascontiguousarray(pixels.transpose(0, 3, 1, 2)), labels, mean=MEAN, std=STD, device=torch.device("cpu")
    )
    resident = replace(resident, images=resident.images.contiguous(memory_format=torch.channels_last))
    few = ResidentImages(resident.images[:10], resident.labels[:10], MEAN, STD)
    pil = PilImages(pixels, labels.tolist())

    runs: dict[str, Callable[[], None]] = {
        "convstudy": lambda: ours(resident, few, recipe),
        f"DataLoader + PIL, {args.workers} workers": lambda: peer(pil, recipe, args.workers),
    }
    seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in runs}
    for round_number in range(args.rounds + 1):
        for name, run in runs.items():
            taken = timed(run)
            if round_number:
                seconds[name].append(taken)
    print(
        f"net, 32x32x3, batch {args.batch_size}, {args.images} images an epoch, {args.rounds} rounds; "
        f"torch {torch.__version__}, torchvision {torchvision.__version__}, {torch.get_num_threads()} threads of "
        f"{os.cpu_count()} cores, {platform.machine()}"
    )
    for index, unit in enumerate(("images/s", "images per CPU-second")):
        rates = {name: [args.images / taken[index] for taken in all_taken] for name, all_taken in seconds.items()}
        for name, values in rates.items():
            print(f"{name:32s} {statistics.median(values):8,.0f} {unit} ({min(values):,.0f} to {max(values):,.0f})")
        own, theirs = rates.values()
        ratios = [mine / other for mine, other in zip(own, theirs, strict=True)]
        print(f"{'ratio':32s} {statistics.median(ratios):8.1f} ({min(ratios):.1f} to {max(ratios):.1f})")


if __name__ == "__main__":
    main()
