"""What the zoo knows of a network besides its layers: its source, its input, and what its paper claims."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor, nn

from convstudy.claims.claim import Claim
from convstudy.errors import ShapeError


@dataclass(frozen=True)
class Architecture:
    """A network as its paper has it."""

    name: str
    layers: Callable[[int, int], nn.Module]  # number of classes, input channels
    title: str
    source: str
    input_shape: tuple[int, int, int]  # the paper's: channels x height x width
    num_classes: int  # the paper's
    smallest_side: int = 1  # the smallest input side that works
    fixed_side: int | None = None  # the only input side that works, where there is only one
    claims: tuple[Claim, ...] = ()
    misprints: tuple[Claim, ...] = ()  # what the source prints and its own layers contradict
    departures: tuple[str, ...] = ()  # from the paper
    torchvision: str | None = None  # torchvision's network of the same keys and logits, whose weights fit

    def build(self, *, num_classes: int, in_channels: int) -> nn.Module:
        """A new network, initialised from torch's global random state; it refuses inputs that do not fit."""
        network = self.layers(num_classes, in_channels)
        network.register_forward_pre_hook(InputCheck(self.name, in_channels, self.smallest_side, self.fixed_side))
        return network


@dataclass(frozen=True)
class InputCheck:
    """Refuses an input that a network cannot take, before its first layer does so in words of its own."""

    name: str
    channels: int
    smallest_side: int
    fixed_side: int | None

    def __call__(self, _: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        """Look at the input, N x C x H x W. Raises: ShapeError, with what was got and the smallest side that works."""
        shape = tuple(inputs[0].shape)
        side = self.fixed_side or self.smallest_side
        expected = f"{self.channels}x{side}x{side}" + ("" if self.fixed_side else " or larger")
        fits = len(shape) == 4 and shape[1] == self.channels
        fits = fits and (shape[2:] == (side, side) if self.fixed_side else min(shape[2:]) >= side)
        if not fits:
            got = "x".join(map(str, shape[1:] if len(shape) == 4 else shape))
            raise ShapeError(f"{self.name} got an input of {got}; expected {expected}")
