"""What torch itself counts of a network, as claims name it; the tests and the pages of the networks use it."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from convstudy.zoo import Architecture

# Connections of a LeNet-5 layer: a value has one for each input that it sees, and one for its bias where it has one.
SEEN: dict[str, Callable[[int], int]] = {
    "c1": lambda values: values * (5 * 5 + 1),
    "s2": lambda values: values * (2 * 2 + 1),
    "c3": lambda values: values // 16 * sum(5 * 5 * maps + 1 for maps in (3,) * 6 + (4,) * 9 + (6,)),
    "s4": lambda values: values * (2 * 2 + 1),
    "c5": lambda values: values * (5 * 5 * 16 + 1),
    "f6": lambda values: values * (120 + 1),
    "output": lambda values: values * 84,
}


class Measured:
    """A network on the meta device, counted by torch; one image runs through it if a claim needs that."""

    def __init__(self, known: Architecture) -> None:
        self.known = known
        with torch.device("meta"):
            self.network = known.build(num_classes=known.num_classes, in_channels=known.input_shape[0]).eval()

    @cached_property
    def run(self) -> tuple[dict[str, int], dict[str, dict[Any, int]]]:
        sizes: dict[str, int] = {}
        for path, layer in self.network.named_modules():
            layer.register_forward_hook(noted(sizes, path))
        with torch.device("meta"), FlopCounterMode(display=False) as counter:
            self.network(torch.zeros(1, *self.known.input_shape))
        return sizes, counter.get_flop_counts()

    def value(self, quantity: str) -> int:
        """What the quantity of a claim is, such as "macs" or "neurons of conv1"."""
        kind, _, path = quantity.partition(" of ")
        if kind == "parameters":
            return sum(p.numel() for p in self.network.get_submodule(path).parameters() if p.requires_grad)
        sizes, counted = self.run
        if kind == "macs":
            flops = counted[f"{type(self.network).__name__}.{path}" if path else "Global"]
            return int(sum(flops.values())) // 2
        if kind == "neurons":
            return sizes[path]
        if kind == "connections" and path:
            return SEEN[path](sizes[path])
        assert kind == "connections"
        return sum(SEEN[layer](sizes[layer]) for layer in SEEN)


def noted(sizes: dict[str, int], path: str) -> Callable[[nn.Module, object, Tensor], None]:
    def note(_: nn.Module, __: object, output: Tensor) -> None:
        sizes[path] = output[0].numel()

    return note
