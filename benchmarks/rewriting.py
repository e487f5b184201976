"""Training steps as they are written and with ReLU after max pooling (`training/rewriting.py`), and whether bits agree.

    uv run python benchmarks/rewriting.py

Both take turns on one thread; the ratio is that of the medians in CPU-seconds (above 1: the rewritten step is faster).
"""

from __future__ import annotations

import argparse
import copy
import time
from contextlib import nullcontext
from statistics import median

import torch
from torch import Tensor, nn
from torch.optim import SGD

from convstudy.training.objective import objective
from convstudy.training.rewriting import rewritten
from convstudy.zoo import build

NETWORKS = (("net", 32, 128), ("vgg11", 64, 16), ("vgg16", 64, 8))
FORMATS = {"contiguous": torch.contiguous_format, "channels-last": torch.channels_last}


def step(network: nn.Module, images: Tensor, labels: Tensor, optimizer: SGD) -> float:
    started = time.process_time()
    optimizer.zero_grad()
    loss, _ = objective(network(images), labels, 0.0)
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    return time.process_time() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--steps", type=int, default=30)
    options = parser.parse_args()
    torch.set_num_threads(1)
    print("| network | memory format | ms as written | ratio | bits |\n|---|---|---|---|---|")
    for name, side, batch in NETWORKS:
        for format_name, layout in FORMATS.items():
            torch.manual_seed(0)
            written = build(name, num_classes=10, in_channels=3).train().to(memory_format=layout)
            images = torch.randn(batch, 3, side, side).contiguous(memory_format=layout)
            labels = torch.arange(batch) % 10
            both = (written, copy.deepcopy(written))
            optimizers = [SGD(each.parameters(), lr=0.01, momentum=0.9, nesterov=True, fused=True) for each in both]
            taken: tuple[list[float], list[float]] = ([], [])
            for number in range(options.steps):
                for which, network in enumerate(both):
                    torch.manual_seed(number)  # of dropout
                    with rewritten(network) if which else nullcontext():
                        taken[which].append(step(network, images, labels, optimizers[which]))
            usual, ours = (median(seconds[1:]) for seconds in taken)
            pairs = zip(*(network.state_dict().values() for network in both), strict=True)
            bits = "equal" if all(torch.equal(one, other) for one, other in pairs) else "differ"
            print(
                f"| `{name}` at {side} | {format_name} | {1000 * usual:.1f} | {usual / ours:.2f} | {bits} |", flush=True
            )


if __name__ == "__main__":
    main()
