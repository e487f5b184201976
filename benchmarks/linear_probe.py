"""Speed of a linear probe of 100 epochs: features computed once, against a frozen backbone in plain PyTorch.

    uv run python benchmarks/linear_probe.py

Both train the same classifier on the same random images with the same batch size and optimizer; the backbone is in
evaluation mode and has no gradients. Plain PyTorch passes every image through the backbone in every epoch; its epochs
take equal time, so only a few are timed and the time is multiplied. convstudy is timed in full, including the features.
"""

from __future__ import annotations

import argparse
import time

import torch
import torch.nn.functional as F
from torch import nn

from convstudy.inference import ResidentImages
from convstudy.study.runs.frozen_backbone import FrozenBackbone, unaugmented
from convstudy.training import Recipe, TrainingBatches, train
from convstudy.zoo import build

CLASSES = 10


def images(count: int, side: int) -> ResidentImages:
    pixels = torch.randint(0, 256, (count, 3, side, side), dtype=torch.uint8)
    return ResidentImages(pixels, torch.arange(count) % CLASSES, (0.5,) * 3, (0.25,) * 3)


def plain(network: nn.Module, head: nn.Linear, batches: TrainingBatches, epochs: int) -> float:
    """Return the CPU-seconds of `epochs` epochs."""
    optimizer = torch.optim.SGD(head.parameters(), lr=0.01, momentum=0.9, nesterov=True)
    network.eval()
    started = time.process_time()
    for epoch in range(1, epochs + 1):
        for batch, labels in batches.epoch(epoch):
            optimizer.zero_grad()
            F.cross_entropy(network(batch), labels).backward()  # type: ignore[no-untyped-call]
            optimizer.step()
    return time.process_time() - started


def ours(backbone: FrozenBackbone, resident: ResidentImages, validation: ResidentImages, recipe: Recipe) -> float:
    """Return the CPU-seconds of the recipe's epochs, including the features."""
    started = time.process_time()
    features, held_out = backbone.features(resident), backbone.features(validation)
    train(backbone.trained, TrainingBatches(features, recipe, seed=0), held_out)
    return time.process_time() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--network", default="resnet34")
    parser.add_argument("--side", type=int, default=64)
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument("--timed", type=int, default=3, help="epochs of plain PyTorch that are timed")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    resident, validation = images(asked.images, asked.side), images(asked.images // 10, asked.side)
    network = build(asked.network, num_classes=CLASSES, in_channels=3)
    backbone = FrozenBackbone.of(network, asked.network, resident, CLASSES)
    recipe = unaugmented(Recipe(epochs=asked.epochs, batch_size=128, lr=0.01, label_smoothing=0))
    with_cache = ours(backbone, resident, validation, recipe)
    without = plain(network, backbone.head, TrainingBatches(resident, recipe, seed=0), asked.timed)
    whole = without / asked.timed * asked.epochs
    print(
        f"{asked.network} at {asked.side}x{asked.side}, {asked.images} images, {asked.epochs} epochs, one thread, "
        f"torch {torch.__version__}: plain PyTorch {whole:.0f} CPU-s ({asked.timed} epochs in {without:.1f}), "
        f"convstudy {with_cache:.1f} CPU-s; ratio {whole / with_cache:.0f}"
    )


if __name__ == "__main__":
    main()
