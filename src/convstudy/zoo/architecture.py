"""The description of a built-in network: its source, its input, and the counts that its paper claims."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor, nn

from convstudy.claims.claim import Claim
from convstudy.errors import ShapeError

CLASSIFICATION = "image classification"  # the task of networks that return one logit per class of an image


@dataclass(frozen=True)
class ExampleInput:
    """One input of a network: its shape without the batch axis, its torch dtype, and its name if passed by name."""

    shape: tuple[int, ...]
    dtype: str | None = None  # None: that of the weights
    name: str | None = None


@dataclass(frozen=True, kw_only=True)
class Architecture:
    """A network as described in its paper."""

    name: str
    layers: Callable[[int, int], nn.Module]  # number of classes, input channels
    title: str
    source: str
    input_shape: tuple[int, int, int]  # the paper's: channels x height x width
    num_classes: int  # the paper's
    smallest_side: int = 1  # the smallest input side that works
    fixed_side: int | None = None  # the only input side that works, where there is only one
    claims: tuple[Claim, ...] = ()
    misprints: tuple[Claim, ...] = ()  # counts that the source's own layers contradict
    departures: tuple[str, ...] = ()  # from the paper
    task: str = CLASSIFICATION
    inputs: tuple[ExampleInput, ...] = ()  # at which it is counted, if that is not one image of `input_shape`
    torchvision: str | None = None  # torchvision's network with the same keys and logits, whose weights fit

    def build(self, *, num_classes: int, in_channels: int) -> nn.Module:
        """Build a new network, initialized from torch's global random state; it rejects inputs that do not fit."""
        network = self.layers(num_classes, in_channels)
        if self.task == CLASSIFICATION:
            network.register_forward_pre_hook(InputCheck(self.name, in_channels, self.smallest_side, self.fixed_side))
        return network


@dataclass(frozen=True)
class InputCheck:
    """A hook that rejects an input which the network cannot process, before the first layer fails on it."""

    name: str
    channels: int
    smallest_side: int
    fixed_side: int | None

    def __call__(self, _: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        """Check the input, N x C x H x W.

        Raises:
            ShapeError: names the received shape and the smallest side that works.
        """
        if not inputs:  # given by name
            return
        shape = tuple(inputs[0].shape)
        side = self.fixed_side or self.smallest_side
        expected = f"{self.channels}x{side}x{side}" + ("" if self.fixed_side else " or larger")
        fits = len(shape) == 4 and shape[1] == self.channels
        fits = fits and (shape[2:] == (side, side) if self.fixed_side else min(shape[2:]) >= side)
        if not fits:
            got = "x".join(map(str, shape[1:] if len(shape) == 4 else shape))
            raise ShapeError(f"{self.name} got an input of {got}; expected {expected}")
