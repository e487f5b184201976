"""Random networks: our counts equal torch's own FlopCounterMode, and what a real run gives."""

from __future__ import annotations

import itertools
from math import prod

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from convstudy.analysis import count, window_output_size
from convstudy.errors import ShapeError


class Branches(nn.Module):
    """Two branches on one input, added."""

    def __init__(self, left: nn.Module, right: nn.Module) -> None:
        super().__init__()
        self.left, self.right = left, right

    def forward(self, x: Tensor) -> Tensor:
        total: Tensor = self.left(x) + self.right(x)
        return total


@st.composite
def layers(draw: st.DrawFn, channels: int) -> tuple[nn.Module, int]:
    """One layer that takes `channels` and fits any image, and the channels that it gives."""
    kind = draw(st.sampled_from(["convolution", "transposed", "norm", "activation", "pooling", "branches"]))
    groups = draw(st.sampled_from([number for number in (1, 2, 4, channels) if channels % number == 0]))
    kernel = draw(st.sampled_from([(1, 1), (3, 3), (1, 3), (5, 5)]))
    if kind == "convolution":
        dilation, outputs = draw(st.integers(1, 2)), groups * draw(st.integers(1, 3))
        padding = (dilation * (kernel[0] - 1) // 2, dilation * (kernel[1] - 1) // 2)
        stride = draw(st.integers(1, 2))
        bias = draw(st.booleans())
        return nn.Conv2d(channels, outputs, kernel, stride, padding, dilation, groups, bias), outputs
    if kind == "transposed":
        outputs = groups * draw(st.integers(1, 2))
        return nn.ConvTranspose2d(channels, outputs, kernel, stride=draw(st.integers(1, 2)), groups=groups), outputs
    if kind == "norm":
        return draw(st.sampled_from([nn.BatchNorm2d(channels), nn.GroupNorm(groups, channels)])), channels
    if kind == "activation":
        return draw(st.sampled_from([nn.ReLU(), nn.ReLU(inplace=True), nn.GELU(), nn.Sigmoid(), nn.PReLU()])), channels
    if kind == "pooling":
        return draw(st.sampled_from([nn.MaxPool2d(3, 2, 1), nn.AvgPool2d(3, 2, 1), nn.AdaptiveAvgPool2d(4)])), channels
    outputs = draw(st.integers(1, 4))
    return Branches(nn.Conv2d(channels, outputs, 3, padding=1), nn.Conv2d(channels, outputs, 1)), outputs


@st.composite
def networks(draw: st.DrawFn) -> tuple[nn.Module, tuple[int, int, int]]:
    shape = (draw(st.integers(1, 4)), draw(st.integers(4, 17)), draw(st.integers(4, 17)))
    channels, modules = shape[0], []
    for _ in range(draw(st.integers(1, 5))):
        module, channels = draw(layers(channels))
        modules.append(module)
    head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, draw(st.integers(1, 9)))]
    return nn.Sequential(*modules, *(head if draw(st.booleans()) else [])), shape


@given(networks(), st.integers(1, 3))
@settings(max_examples=60, deadline=None)
def test_counts_are_torchs_own(network_and_shape: tuple[nn.Module, tuple[int, int, int]], batch: int) -> None:
    network, shape = network_and_shape
    network.eval()
    shapes: list[tuple[int, ...]] = []
    for module in network.children():
        module.register_forward_hook(lambda _, __, result: shapes.append(tuple(result.shape)))
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        output = network(torch.rand(batch, *shape))
    run = list(shapes)
    table = count(network, torch.empty(batch, *shape))
    assert table.totals.macs == counter.get_total_flops() // 2
    assert table.totals.parameters == sum(parameter.numel() for parameter in network.parameters())
    assert table.output_shapes == (tuple(output.shape),)
    assert [row.output_shape for row in table if row.path in {"input", *map(str, range(len(run)))}][1:] == [
        shape for shape, module in zip(run, network.children(), strict=True) if not isinstance(module, Branches)
    ]
    one = count(network, shape).totals
    assert (one.macs * batch, one.activation_size * batch) == (table.totals.macs, table.totals.activation_size)
    assert not table.uncounted


@given(
    size=st.integers(1, 40),
    kernel=st.integers(1, 9),
    stride=st.integers(1, 4),
    padding=st.integers(0, 4),
    dilation=st.integers(1, 3),
)
@settings(max_examples=200, deadline=None)
def test_a_windows_output_is_what_torch_gives(size: int, kernel: int, stride: int, padding: int, dilation: int) -> None:
    weight = torch.empty(1, 1, kernel, device="meta")
    try:
        expected = nn.functional.conv1d(
            torch.empty(1, 1, size, device="meta"), weight, stride=stride, padding=padding, dilation=dilation
        ).shape[-1]
    except RuntimeError:
        expected = None
    try:
        got = window_output_size(size, kernel, stride=stride, padding=padding, dilation=dilation)
    except ShapeError:
        got = None
    assert got == expected


@given(st.lists(st.integers(1, 6), min_size=2, max_size=4), st.lists(st.integers(1, 6), min_size=1, max_size=3))
@settings(max_examples=50, deadline=None)
def test_dense_layers_over_any_axes(widths: list[int], axes: list[int]) -> None:
    network = nn.Sequential(*(nn.Linear(*pair) for pair in itertools.pairwise(widths)))
    expected = prod(axes) * sum(left * right for left, right in itertools.pairwise(widths))
    assert count(network, (*axes, widths[0])).totals.macs == expected
