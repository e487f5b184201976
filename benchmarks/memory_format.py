"""Training steps in channels-last against contiguous, beside the rule that `compare` follows.

    uv run python benchmarks/memory_format.py --sides 32 64 --networks net resnet20 torchvision:mobilenet_v3_small

The formats take turns; the ratio is that of the fastest steps in CPU-seconds on one thread (above 1: channels-last is
faster).
"""

from __future__ import annotations

import argparse
import time

import torch
from torch import nn

from convstudy.errors import ConvstudyError
from convstudy.study.models.entering import entrant
from convstudy.study.models.opening import open_model
from convstudy.training.objective import objective

NETWORKS = [
    "net",
    "lenet5",
    "alexnet",
    "vgg11",
    "vgg11_bn",
    "vgg16",
    "googlenet",
    "resnet18",
    "resnet34",
    "resnet50",
    "resnet20",
    "resnet56",
    "plain20",
]
FORMATS = (torch.contiguous_format, torch.channels_last)


def step(network: nn.Module, images: torch.Tensor, labels: torch.Tensor) -> float:
    started = time.process_time()
    loss, _ = objective(network(images), labels, 0.0)
    loss.backward()  # type: ignore[no-untyped-call]
    return time.process_time() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--networks", nargs="*", default=NETWORKS)
    parser.add_argument("--sides", nargs="*", type=int, default=[32])
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=4.0, help="of steps per network")
    options = parser.parse_args()
    torch.set_num_threads(1)
    print("| network | side | contiguous ms | ratio | rule |\n|---|---|---|---|---|")
    for name in options.networks:
        for side in options.sides:
            model = open_model(name)
            channels = model.input_shape[0]
            if side < model.smallest_side or (model.fixed_side or side) != side:
                continue
            torch.manual_seed(0)
            try:
                network = model.build(10, channels).train()
                images = torch.randn(options.batch_size, channels, side, side)
                labels = torch.arange(options.batch_size) % 10
                rule = "channels-last" if entrant(model, (channels, side, side), 10).channels_last else "contiguous"
                step(network, images, labels)
            except (ConvstudyError, RuntimeError) as error:
                print(f"| {name} | {side} | {str(error)[:60]} | | |")
                continue
            taken: dict[torch.memory_format, list[float]] = {layout: [] for layout in FORMATS}
            started = time.process_time()
            while len(taken[FORMATS[1]]) < 4 or time.process_time() - started < options.seconds:
                for layout in FORMATS:
                    network.to(memory_format=layout)
                    images = images.contiguous(memory_format=layout)
                    taken[layout].append(step(network, images, labels))
            usual, last = (min(taken[layout][1:]) for layout in FORMATS)
            print(f"| {name} | {side} | {1000 * usual:.1f} | {usual / last:.2f} | {rule} |", flush=True)


if __name__ == "__main__":
    main()
