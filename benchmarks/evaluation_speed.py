"""Evaluation images/s: `predict` against the usual loop of plain PyTorch, and what each of its two steps gives.

    uv run python benchmarks/evaluation_speed.py

The first peer is the loop of plain PyTorch and of torchvision's reference script: a DataLoader with ToTensor and
Normalize on PIL images, `eval()`, inference mode. The second is timm's validate.py: its loader, which normalises whole
batches (where timm is installed: `uv run --group benchmarks`). Both load in the process itself.

All sides answer the same random images with one thread, in turns, after a round that is not timed, and what they
prepare is timed with them. The unit is CPU-seconds, so that the DataLoader's work counts and a busy machine does not;
the result is the median of the rounds' ratios.
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

NETWORKS = (("net", 32), ("resnet20", 32), ("resnet18", 32), ("resnet18", 64), ("resnet34", 64))  # and the input's side
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


class LabelledImages(PilImages):
    """As timm's loader wants them."""

    def __getitem__(self, index: int) -> Any:
        return super().__getitem__(index), 0


@torch.inference_mode()
def peer(network: nn.Module, images: PilImages) -> Tensor:
    network.eval()
    return torch.cat([network(batch) for batch in DataLoader(images, batch_size=256)])


@torch.inference_mode()
def timm_validate(network: nn.Module, images: LabelledImages, side: int) -> Tensor:
    data = importlib.import_module("timm.data")
    loader = data.create_loader(
        images, (3, side, side), 256, mean=MEAN, std=STD, num_workers=0, device=CPU, persistent_workers=False
    )
    images.transform = data.transforms.ToNumpy()  # its own resizes and crops, for ImageNet
    network.eval()
    return torch.cat([network(batch) for batch, _ in loader])


def folded_logits(network: nn.Module, images: ResidentImages) -> Tensor:
    return logits(folded(network), images)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--images", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--networks", nargs="+", choices=[name for name, _ in NETWORKS], help="of these alone")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    print(f"torch {torch.__version__}, {platform.machine()}, one thread, {asked.images} images, {asked.rounds} rounds")
    print("images per CPU-second, and times as many as the DataLoader, and as timm (lowest to highest)")
    for name, side in NETWORKS:
        if asked.networks and name not in asked.networks:
            continue
        network = build(name, num_classes=10, in_channels=3).eval()
        pixels = torch.randint(0, 256, (asked.images, 3, side, side), dtype=torch.uint8)
        tested = ResidentImages(pixels, torch.zeros(asked.images, dtype=torch.int64), MEAN, STD)
        timm: dict[str, Callable[[], Tensor]] = {}
        if importlib.util.find_spec("timm"):
            timm["timm"] = partial(timm_validate, network, LabelledImages(pixels), side)
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
            told = (f"{statistics.median(one):.2f} ({min(one):.2f} to {max(one):.2f})" for one in against)
            print(f"  {which:10s} {statistics.median(found[1:]):8,.0f}   {'   '.join(told)}", flush=True)


if __name__ == "__main__":
    main()
