"""What a tensor depends on: the part of the input that it sees, and whether a gradient reaches it.

An axis of a tensor that still runs along an axis of the image has a stride (input pixels per step) and, for its first
position, the first and last input pixel that it sees. Merged branches see the union, so the receptive field of a
residual block is that of its wider branch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil

Extent = int | Fraction


@dataclass(frozen=True, slots=True)
class Axis:
    """An axis of the input image as a tensor sees it: its number, its stride, and the first and last pixel seen."""

    number: int
    stride: Extent = 1
    first: Extent = 0
    last: Extent = 0

    @property
    def field(self) -> int:
        """Return the receptive field: the largest number of input pixels that a position sees along this axis.

        If the stride is a fraction of a pixel, some positions see one pixel less.
        """
        return ceil(self.last - self.first) + 1

    def window(self, kernel: Extent, stride: Extent = 1, padding: int = 0, dilation: int = 1) -> Axis:
        """Return the axis after a convolution or pooling window.

        Source: Araujo, Norris & Sim 2019, "Computing Receptive Fields of Convolutional Neural Networks", section 2.

        >>> Axis(0).window(3).window(2, stride=2).field
        4
        """
        first = self.first - padding * self.stride
        last = self.last + (dilation * (kernel - 1) - padding) * self.stride
        return Axis(self.number, self.stride * stride, first, last)

    def moved(self, pixels: Extent) -> Axis:
        """Return the axis shifted by a number of input pixels."""
        return Axis(self.number, self.stride, self.first + pixels, self.last + pixels)

    def spread(self, kernel: int, stride: int = 1, padding: int = 0, dilation: int = 1) -> Axis:
        """Return the axis after a transposed convolution: a position gathers from all inputs whose windows cover it."""
        reach = dilation * (kernel - 1)
        first = -((reach - padding) // stride)
        last = first + reach // stride
        return Axis(
            self.number,
            _whole(Fraction(self.stride) / stride),
            self.first + first * self.stride,
            self.last + last * self.stride,
        )

    def pooled(self, ratio: Fraction) -> Axis:
        """Return the axis after adaptive pooling of `ratio` inputs per output; fractional ratios make windows overlap.

        >>> Axis(0).pooled(Fraction(12, 3)).field, Axis(0).pooled(Fraction(96, 7)).field
        (4, 15)
        """
        after = self.window(1 + ratio - Fraction(1, ratio.denominator), ratio)
        return Axis(after.number, _whole(Fraction(after.stride)), after.first, after.last)

    def scaled(self, ratio: Fraction, reach: int) -> Axis:
        """Return the axis after interpolation to `ratio` outputs per input, each reading `reach` further inputs."""
        return Axis(self.number, _whole(self.stride / ratio), self.first, self.last + reach * self.stride)

    def united(self, other: Axis) -> Axis:
        """Return the union with the same axis of another tensor, which has the same stride."""
        return Axis(self.number, self.stride, min(self.first, other.first), max(self.last, other.last))


def _whole(value: Fraction) -> Extent:
    return int(value) if value.denominator == 1 else value


@dataclass(frozen=True, slots=True)
class Flow:
    """The dependence of a tensor on the input; `axes` holds, per axis of the tensor, the input axis it follows, if any.

    `whole`: every position sees the whole input, as after global pooling or a dense layer. `depends`: the tensor
    depends on the input. `gradient`: a gradient reaches the tensor in training.
    """

    axes: tuple[Axis | None, ...] = ()
    whole: bool = False
    depends: bool = False
    gradient: bool = False

    def at(self, axes: Sequence[Axis | None]) -> Flow:
        """Return the flow with other axes; a tensor that has lost an axis of the input sees all of it."""
        kept = {axis.number for axis in axes if axis}
        lost = any(axis and axis.number not in kept for axis in self.axes)
        return Flow(tuple(axes), self.whole or lost, self.depends, self.gradient)


def merge_flows(flows: Sequence[Flow], ranks: Sequence[int], rank: int) -> Flow:
    """Merge the flows of tensors combined element by element; axes align from the right, as in broadcasting."""
    first = flows[0]
    if all(flow is first for flow in flows) and ranks[0] == rank:
        return first
    axes: list[Axis | None] = [None] * rank
    for flow, own in zip(flows, ranks, strict=True):
        for position, axis in enumerate(flow.axes, rank - own):
            if axis is not None and position >= 0:
                there = axes[position]
                axes[position] = axis if there is None or there.number != axis.number else there.united(axis)
    return Flow(
        tuple(axes),
        any(flow.whole for flow in flows),
        any(flow.depends for flow in flows),
        any(flow.gradient for flow in flows),
    )
