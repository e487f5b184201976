"""Evaluation speed in images/s: `predict` against a plain PyTorch loop and timm, and the effect of its two steps.

    uv run python benchmarks/evaluation_speed.py

The first baseline is the loop of plain PyTorch and of torchvision's reference script: a DataLoader with ToTensor and
Normalize on PIL images, `eval()`, inference mode. The second is timm's validate.py: its loader, which normalizes whole
batches (if timm is installed: `uv run --group benchmarks`). Both load images in the main process.

All methods predict the same random images on one thread, alternately, after one round that is not timed; their
preparation is included. Times are CPU-seconds, which include the DataLoader's work and hardly depend on other programs.
The result is the median of the ratios per round.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import platform
import statistics
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from convstudy.inference import ResidentImages, predict
from convstudy.inference.batch_norm import folded
from convstudy.inference.prediction import logits
from convstudy.zoo import build

NETWORKS = (  # and the input's side
    ("net", 32),
    ("lenet5", 32),
    ("resnet20", 32),
    ("resnet18", 32),
    ("resnet18", 64),
    ("resnet34", 64),
    ("resnet50", 64),
    ("alexnet", 96),
    ("googlenet", 96),
)
CPU = torch.device("cpu")
MEAN, STD = (0.5, 0.5, 0.5), (0.25, 0.25, 0.25)


class PilImages(Dataset[Any]):
    def __init__(self, pixels: Tensor) -> None:
        self.images = [transforms.functional.to_pil_image(image) for image in pixels]
        self.transform: Callable[[Any], Any] = transforms.Compose(
            [transforms.ToTensor(), transforms.Normalize(MEAN, STD)]
        )

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> Any:
        return self.transform(self.images[index])


class LabeledImages(PilImages):
    """Images with labels, as timm's loader expects them."""

    def __getitem__(self, index: int) -> Any:
        return super().__getitem__(index), 0


@torch.inference_mode()
def peer(network: nn.Module, images: PilImages) -> Tensor:
    network.eval()
    return torch.cat([network(batch) for batch in DataLoader(images, batch_size=256)])


@torch.inference_mode()
def timm_validate(network: nn.Module, images: LabeledImages, side: int) -> Tensor:
    data = importlib.import_module("timm.data")
    loader = data.create_loader(
        images, (3, side, side), 256, mean=MEAN, std=STD, num_workers=0, device=CPU, persistent_workers=False
    )
    images.transform = data.transforms.ToNumpy()  # in place of timm's own, which resizes and crops for ImageNet
    network.eval()
    return torch.cat([network(batch) for batch, _ in loader])


def folded_logits(network: nn.Module, images: ResidentImages) -> Tensor:
    return logits(folded(network), images)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--images", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--networks", nargs="+", choices=[name for name, _ in NETWORKS], help="measure only these")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    print(f"torch {torch.__version__}, {platform.machine()}, one thread, {asked.images} images, {asked.rounds} rounds")
    print("images per CPU-second, and the ratios to DataLoader and timm (lowest to highest)")
    for name, side in NETWORKS:
        if asked.networks and name not in asked.networks:
            continue
        network = build(name, num_classes=10, in_channels=3).eval()
        pixels = torch.randint(0, 256, (asked.images, 3, side, side), dtype=torch.uint8)
        tested = ResidentImages(pixels, torch.zeros(asked.images, dtype=torch.int64), MEAN, STD)
        timm: dict[str, Callable[[], Tensor]] = {}
        if importlib.util.find_spec("timm"):
            timm["timm"] = partial(timm_validate, network, LabeledImages(pixels), side)
        sides: dict[str, Callable[[], Tensor]] = {
            "DataLoader": partial(peer, network, PilImages(pixels)),
            **timm,
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
            against = (
                [own / usual for own, usual in zip(found[1:], speeds[peer_name][1:], strict=True)]
                for peer_name in ("DataLoader", *timm)
            )
            ratios = (f"{statistics.median(one):.2f} ({min(one):.2f} to {max(one):.2f})" for one in against)
            print(f"  {which:10s} {statistics.median(found[1:]):8,.0f}   {'   '.join(ratios)}", flush=True)


if __name__ == "__main__":
    main()
