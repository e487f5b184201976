"""The savings of a 1x1 reduction in front of a larger convolution (Szegedy et al. 2014, section 4)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import prod

from torch import nn

from convstudy.analysis.count import count, unwrapped_module
from convstudy.analysis.inputs import Input, Inputs
from convstudy.analysis.table import Shape
from convstudy.analysis.window import window_output_size
from convstudy.errors import ShapeError


@dataclass(frozen=True)
class Bottleneck:
    """A convolution, compared with itself behind a 1x1 reduction to `reduced_channels`; weights exclude biases."""

    path: str
    input_shape: Shape
    output_shape: Shape
    kernel: Shape
    reduced_channels: int

    @property
    def direct_macs(self) -> int:
        """Return the MACs of the convolution over all input channels."""
        return prod(self.output_shape) * prod(self.kernel) * self.input_shape[0]

    @property
    def reduction_macs(self) -> int:
        """Return the MACs of the 1x1 convolution, which runs at the size of the input."""
        return prod(self.input_shape) * self.reduced_channels

    @property
    def reduced_macs(self) -> int:
        """Return the MACs of the reduction and of the large convolution on the reduced channels."""
        return self.reduction_macs + prod(self.output_shape) * prod(self.kernel) * self.reduced_channels

    @property
    def direct_weights(self) -> int:
        return self.output_shape[0] * self.input_shape[0] * prod(self.kernel)

    @property
    def reduced_weights(self) -> int:
        return self.reduced_channels * (self.input_shape[0] + self.output_shape[0] * prod(self.kernel))

    @property
    def saved_macs(self) -> int:
        return self.direct_macs - self.reduced_macs

    @property
    def times_fewer(self) -> float:
        """Return the factor by which the reduction lowers the MACs."""
        return self.direct_macs / self.reduced_macs


def bottleneck(input_shape: Shape, *, kernel: int, channels: int, reduced: int, stride: int = 1) -> Bottleneck:
    """Compare a size-preserving convolution to `channels` with the same one behind a reduction to `reduced` channels.

    Raises:
        ShapeError: if the input is not channels x height x width, or a number is below 1.

    >>> example = bottleneck((192, 28, 28), kernel=5, channels=32, reduced=16)
    >>> example.direct_macs, example.reduced_macs, round(example.times_fewer, 1)
    (120422400, 12443648, 9.7)
    """
    if len(input_shape) != 3 or min(*input_shape, kernel, channels, reduced, stride) < 1:
        raise ShapeError(
            f"expected an input of channels x height x width and whole numbers of at least 1; got input {input_shape}, "
            f"kernel {kernel}, channels {channels}, reduced {reduced}, stride {stride}"
        )
    sides = [window_output_size(size + (kernel - 1), kernel, stride=stride) for size in input_shape[1:]]
    return Bottleneck("", tuple(input_shape), (channels, *sides), (kernel, kernel), reduced)


def bottlenecks(
    network: nn.Module,
    /,
    *inputs: Input | Inputs,
    reduced: int | None = None,
    on_note: Callable[[str], None] | None = None,
) -> tuple[Bottleneck, ...]:
    """Return the convolutions of a network that a 1x1 reduction would make cheaper, those that save most first.

    Only ungrouped convolutions with a kernel larger than 1 are considered. `reduced` is the number of channels to
    reduce to; by default a quarter of the input channels, as in He et al. 2015, Figure 5. `on_note` is called as by
    `count`.

    Raises:
        ShapeError: if `reduced` is below 1; and as `count`.
    """
    if reduced is not None and reduced < 1:
        raise ShapeError(f"reduced is {reduced}; expected at least 1 channel")
    modules = dict(unwrapped_module(network).named_modules())
    found = []
    for row in count(network, *inputs, on_note=on_note):
        module = modules.get(row.path)
        if isinstance(module, (nn.Conv1d, nn.Conv2d, nn.Conv3d)) and module.groups == 1 and row.input_shapes:
            channels = reduced or max(module.in_channels // 4, 1)
            found.append(Bottleneck(row.path, row.input_shapes[0], row.output_shape, module.kernel_size, channels))
    saving = [layer for layer in found if layer.saved_macs > 0 and prod(layer.kernel) > 1]
    return tuple(sorted(saving, key=lambda layer: -layer.saved_macs))
