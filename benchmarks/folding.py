"""Evaluation images/s with batch normalisation folded into the convolutions, against the network as it was trained.

    uv run python benchmarks/folding.py

Both sides answer the same random images through `predict`, in turns, after a round that is not timed; a folded side's
time holds the folding. The result is the median of the rounds' ratios.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import time

import torch
from torch import nn

from convstudy.evaluation import ResidentImages
from convstudy.evaluation.batch_norm import folded
from convstudy.evaluation.inference import logits
from convstudy.zoo import build

NETWORKS = (("resnet20", 32), ("resnet18", 32), ("resnet18", 64), ("resnet34", 64))  # and the side of their input


def images(count: int, side: int) -> ResidentImages:
    pixels = torch.randint(0, 256, (count, 3, side, side), dtype=torch.uint8)
    return ResidentImages(pixels, torch.zeros(count, dtype=torch.int64), (0.5,) * 3, (0.25,) * 3)


def seconds(network: nn.Module, tested: ResidentImages, fold: bool) -> float:
    started = time.process_time()
    logits(folded(network) if fold else network, tested, batch_size=256)
    return time.process_time() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    print(f"torch {torch.__version__}, {platform.machine()}, one thread, {asked.images} images, {asked.rounds} rounds")
    for name, side in NETWORKS:
        network = build(name, num_classes=10, in_channels=3).eval()
        tested = images(asked.images, side)
        rounds = [(seconds(network, tested, False), seconds(network, tested, True)) for _ in range(asked.rounds + 1)][
            1:
        ]
        ratios = sorted(plain / with_folding for plain, with_folding in rounds)
        speeds = [asked.images / statistics.median(side_) for side_ in zip(*rounds, strict=True)]
        print(
            f"{name} at {side}x{side}: {speeds[0]:,.0f} images/CPU-s as trained, {speeds[1]:,.0f} folded; "
            f"ratio {statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})"
        )


if __name__ == "__main__":
    main()
