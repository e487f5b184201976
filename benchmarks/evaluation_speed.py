"""Evaluation images/s: `predict` against the usual loop of plain PyTorch, and what each of its two steps gives.

    uv run python benchmarks/evaluation_speed.py

The peer is what torchvision's reference script and timm's validate.py do: a DataLoader with ToTensor and Normalize on
PIL images, `eval()`, inference mode. All sides answer the same random images with one thread, in turns, after a round
that is not timed, and what they prepare is timed with them. The unit is CPU-seconds, so that the DataLoader's work
counts and a busy machine does not; the result is the median of the rounds' ratios.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import time
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from convstudy.evaluation import ResidentImages, predict
from convstudy.evaluation.batch_norm import folded
from convstudy.evaluation.inference import logits
from convstudy.zoo import build

NETWORKS = (("net", 32), ("resnet20", 32), ("resnet18", 32), ("resnet18", 64), ("resnet34", 64))  # and the input's side
MEAN, STD = (0.5, 0.5, 0.5), (0.25, 0.25, 0.25)


class PilImages(Dataset[Tensor]):
    def __init__(self, pixels: Tensor) -> None:
        self.images = [transforms.functional.to_pil_image(image) for image in pixels]
        self.transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize(MEAN, STD)])

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> Tensor:
        transformed: Tensor = self.transform(self.images[index])
        return transformed


@torch.inference_mode()
def peer(network: nn.Module, images: PilImages) -> Tensor:
    network.eval()
    return torch.cat([network(batch) for batch in DataLoader(images, batch_size=256)])


def folded_logits(network: nn.Module, images: ResidentImages) -> Tensor:
    return logits(folded(network), images)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--images", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    print(f"torch {torch.__version__}, {platform.machine()}, one thread, {asked.images} images, {asked.rounds} rounds")
    print("images per CPU-second, and times as many as the DataLoader (lowest to highest)")
    for name, side in NETWORKS:
        network = build(name, num_classes=10, in_channels=3).eval()
        pixels = torch.randint(0, 256, (asked.images, 3, side, side), dtype=torch.uint8)
        tested = ResidentImages(pixels, torch.zeros(asked.images, dtype=torch.int64), MEAN, STD)
        sides: dict[str, Callable[[], Tensor]] = {
            "DataLoader": partial(peer, network, PilImages(pixels)),
            "resident": partial(logits, network, tested),
            "folded": partial(folded_logits, network, tested),
            "predict": partial(predict, network, tested),
        }
        speeds: dict[str, list[float]] = {which: [] for which in sides}
        for _ in range(asked.rounds + 1):
            for which, answer in sides.items():
                started = time.process_time()
                answer()
                speeds[which].append(asked.images / (time.process_time() - started))
        print(f"{name} at {side}x{side}")
        for which, found in speeds.items():
            ratios = [own / usual for own, usual in zip(found[1:], speeds["DataLoader"][1:], strict=True)]
            print(
                f"  {which:10s} {statistics.median(found[1:]):8,.0f}   "
                f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
            )


if __name__ == "__main__":
    main()
