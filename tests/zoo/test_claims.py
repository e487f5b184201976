"""What the papers print of each network, against what torch counts; what they misprint, too."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from convstudy.claims.claim import Claim
from convstudy.zoo import ARCHITECTURES, Architecture

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
    """One image through a network on the meta device, counted by torch."""

    def __init__(self, known: Architecture) -> None:
        with torch.device("meta"):
            self.network = known.build(num_classes=known.num_classes, in_channels=known.input_shape[0]).eval()
            sizes: dict[str, int] = {}
            for path, layer in self.network.named_modules():
                layer.register_forward_hook(noted(sizes, path))
            with FlopCounterMode(display=False) as counter:
                self.network(torch.zeros(1, *known.input_shape))
        self.sizes, self.flops = sizes, counter.get_flop_counts()

    def value(self, quantity: str) -> int:
        """What the quantity of a claim is, such as "macs" or "neurons of conv1"."""
        kind, _, path = quantity.partition(" of ")
        if kind == "parameters":
            return sum(p.numel() for p in self.network.get_submodule(path).parameters() if p.requires_grad)
        if kind == "macs":
            flops = self.flops[f"{type(self.network).__name__}.{path}" if path else "Global"]
            return int(sum(flops.values())) // 2
        if kind == "neurons":
            return self.sizes[path]
        if kind == "connections" and path:
            return SEEN[path](self.sizes[path])
        assert kind == "connections"
        return sum(SEEN[layer](self.sizes[layer]) for layer in SEEN)


def noted(sizes: dict[str, int], path: str) -> Callable[[nn.Module, object, Tensor], None]:
    def note(_: nn.Module, __: object, output: Tensor) -> None:
        sizes[path] = output[0].numel()

    return note


@pytest.mark.parametrize("known", ARCHITECTURES.values(), ids=ARCHITECTURES)
def test_every_claim_holds_and_every_misprint_does_not(known: Architecture) -> None:
    measured = Measured(known)
    assert known.claims or known.name == "inception-naive"
    assert [claim for claim in known.claims if not claim.holds(measured.value(claim.quantity))] == []
    assert [claim for claim in known.misprints if claim.holds(measured.value(claim.quantity))] == []


def test_a_wrong_claim_is_seen() -> None:
    """The measuring itself: each kind of quantity, one off."""
    measured = Measured(ARCHITECTURES["lenet5"])
    for quantity, right in {"parameters of c3": 1516, "neurons of c1": 4704, "connections of s2": 5880}.items():
        assert Claim(quantity, str(right), "").holds(measured.value(quantity))
        assert not Claim(quantity, str(right + 1), "").holds(measured.value(quantity))
