"""The right formulas against torch's own layers."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import nn

from convstudy.analysis.window import window_output_size
from convstudy.claims.checking.arithmetic import value_of
from convstudy.claims.checking.layer import LayerSpec, fits, macs_formula, parameter_formula, size_formula

SIDE = st.integers(1, 24)
PAIR = st.tuples(st.integers(1, 5), st.integers(1, 5))


@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_convolutions_give_torch_s_shapes_parameters_and_macs(data: Any) -> None:
    groups = data.draw(st.integers(1, 3))
    layer = LayerSpec(
        "convolution",
        (groups * data.draw(st.integers(1, 3)), data.draw(SIDE), data.draw(SIDE)),
        channels=groups * data.draw(st.integers(1, 3)),
        kernel=data.draw(PAIR),
        stride=data.draw(PAIR),
        padding=data.draw(st.tuples(st.integers(0, 3), st.integers(0, 3))),
        dilation=data.draw(st.tuples(st.integers(1, 2), st.integers(1, 2))),
        groups=groups,
        bias=data.draw(st.booleans()),
    )
    module = nn.Conv2d(
        layer.input[0], layer.channels, layer.kernel, layer.stride, layer.padding, layer.dilation, groups, layer.bias
    )
    try:
        output = module(torch.zeros(1, *layer.input))
    except RuntimeError:
        assert not fits(layer)
        return
    assert fits(layer)
    assert layer.output == tuple(output.shape[1:])
    assert value_of(parameter_formula(layer)) == sum(weight.numel() for weight in module.parameters())
    assert value_of(size_formula(layer)) == output.numel()
    assert value_of(macs_formula(layer)) == module.weight.numel() * output.shape[2] * output.shape[3]


@given(SIDE, st.integers(1, 5), st.integers(1, 4), st.integers(0, 3), st.integers(1, 3))
def test_the_formula_as_text_is_the_formula_of_the_accounting(
    side: int, kernel: int, stride: int, padding: int, dilation: int
) -> None:
    assume(side + 2 * padding >= dilation * (kernel - 1) + 1)
    window = {"kernel": kernel, "stride": stride, "padding": padding, "dilation": dilation}
    layer = LayerSpec("pooling", (1, side, side), **{name: (value, value) for name, value in window.items()})  # type: ignore[arg-type]
    assert layer.output[1] == window_output_size(side, **window)


@settings(deadline=None, max_examples=60)
@given(side=SIDE, kernel=st.integers(1, 5), stride=st.integers(1, 4), ceil=st.booleans(), pad=st.integers(0, 2))
def test_pooling_gives_torch_s_shapes(side: int, kernel: int, stride: int, ceil: bool, pad: int) -> None:
    assume(pad <= kernel // 2)
    assume(side + 2 * pad >= kernel)
    layer = LayerSpec(
        "pooling", (2, side, side), kernel=(kernel,) * 2, stride=(stride,) * 2, padding=(pad,) * 2, rounds_up=ceil
    )
    output = nn.MaxPool2d(kernel, stride, pad, ceil_mode=ceil)(torch.zeros(1, 2, side, side))
    assert layer.output == tuple(output.shape[1:])
    assert parameter_formula(layer) == macs_formula(layer) == "0"


@pytest.mark.parametrize(
    ("side", "kernel", "stride", "pad", "output"),
    [(2, 1, 3, 0, 1), (2, 2, 3, 1, 1), (3, 2, 3, 1, 2), (5, 2, 2, 0, 3), (4, 2, 2, 0, 2), (6, 3, 2, 1, 4)],
)
def test_a_window_that_would_begin_behind_the_input_is_left_out(
    side: int, kernel: int, stride: int, pad: int, output: int
) -> None:
    pool = LayerSpec("pooling", (1, side, side), kernel=(kernel,) * 2, stride=(stride,) * 2, padding=(pad,) * 2)
    assert replace(pool, rounds_up=True).output == (1, output, output)
    assert nn.MaxPool2d(kernel, stride, pad, ceil_mode=True)(torch.zeros(1, side, side)).shape[1] == output


def test_a_norm_and_a_dense_layer_have_torch_s_parameters() -> None:
    norm, dense = LayerSpec("norm", (8, 4, 4)), LayerSpec("dense", (8, 4, 4), channels=10)
    assert value_of(parameter_formula(norm)) == sum(weight.numel() for weight in nn.BatchNorm2d(8).parameters())
    assert value_of(parameter_formula(dense)) == sum(weight.numel() for weight in nn.Linear(128, 10).parameters())


@given(side=SIDE, kernel=st.integers(1, 6), stride=st.integers(1, 4))
def test_padding_same_gives_tensorflow_s_length(side: int, kernel: int, stride: int) -> None:
    layer = LayerSpec("convolution", (1, side, side), channels=1, kernel=(kernel,) * 2, stride=(stride,) * 2, same=True)
    assert layer.output[1] == -(-side // stride)  # https://www.tensorflow.org/api_docs/python/tf/nn, "SAME"


def test_a_depthwise_convolution_has_a_group_for_each_channel_it_is_fed_with() -> None:
    layer = LayerSpec("depthwise convolution", (4, 9, 9), channels=8, kernel=(3, 3), groups=4).fed((6, 9, 9))
    module = nn.Conv2d(6, 12, 3, groups=6)
    assert (layer.channels, layer.groups) == (12, 6)
    assert value_of(parameter_formula(layer)) == sum(weight.numel() for weight in module.parameters())
    assert value_of(macs_formula(layer)) == module.weight.numel() * 7 * 7


def test_a_depthwise_convolution_keeps_its_multiplier() -> None:
    layer = LayerSpec("depthwise convolution", (4, 9, 9), channels=4, groups=4)
    assert layer.fed((6, 9, 9)).channels == 6
    assert replace(layer, channels=2).fed((6, 9, 9)).channels == 6


def test_a_layer_of_which_nothing_is_said_changes_nothing() -> None:
    assert LayerSpec("pooling", (2, 5, 7)).output == (2, 5, 7)
    assert LayerSpec("adaptive pooling", (2, 5, 7)).output == (2, 1, 1)
    assert LayerSpec("dense", (4,)).channels == 0  # not known


def test_a_separable_convolution_is_a_depthwise_and_a_pointwise_one() -> None:
    depthwise, pointwise = nn.Conv2d(4, 4, (3, 5), groups=4, bias=False), nn.Conv2d(4, 6, 1)
    layer = LayerSpec("separable convolution", (4, 9, 9), channels=6, kernel=(3, 5))
    weights = [*depthwise.parameters(), *pointwise.parameters()]
    assert layer.output == tuple(pointwise(depthwise(torch.zeros(1, 4, 9, 9))).shape[1:])
    assert value_of(parameter_formula(layer)) == sum(weight.numel() for weight in weights)
    assert value_of(macs_formula(layer)) == (depthwise.weight.numel() + pointwise.weight.numel()) * 7 * 5
    bare = replace(layer, bias=False)
    assert value_of(parameter_formula(bare)) == sum(weight.numel() for weight in weights) - 6


def test_vectors_have_one_position() -> None:
    dense = LayerSpec("dense", (16, 5, 7), channels=10)
    assert (dense.features, dense.input_side, dense.output_side, dense.output) == (560, (5, 7), (1, 1), (10,))
    assert LayerSpec("norm", (10,)).input_side == (1, 1)
    assert value_of(macs_formula(dense)) == 5600
    assert LayerSpec("adaptive pooling", (16, 5, 7), output_size=(2, 3)).output == (16, 2, 3)
    assert LayerSpec("global pooling", (16, 5, 7)).output == (16,)
    assert LayerSpec("flatten", (16, 5, 7)).output == (560,)


def test_an_empty_window_or_group_fits_nothing() -> None:
    layer = LayerSpec("convolution", (4, 9, 9), channels=8, kernel=(3, 3))
    assert fits(layer)
    for changed in ({"kernel": (0, 3)}, {"stride": (1, 0)}, {"dilation": (0, 1)}, {"groups": 0}, {"input": (4,)}):
        assert not fits(replace(layer, **changed))
    assert not fits(replace(layer, stride=(0, 1), same=True))
    assert not fits(replace(layer, kernel=(10, 3)))
    assert not fits(replace(layer, kernel=(3, 10)))
    assert fits(replace(layer, kernel=(10, 3), same=True))
    assert fits(replace(layer, kernel=(11, 3), padding=(1, 0)))
    assert not fits(replace(layer, kernel=(12, 3), padding=(1, 0)))


def test_an_input_and_a_concatenation_are_what_they_are() -> None:
    for kind in ("input", "concatenation"):
        assert LayerSpec(kind, (3, 9, 9)).fed((8, 5, 5)) == LayerSpec(kind, (3, 9, 9))
        assert LayerSpec(kind).fed((8, 5, 5)) == LayerSpec(kind, (8, 5, 5))
    assert LayerSpec("activation", (3, 9, 9)).fed((8, 5, 5)) == LayerSpec("activation", (8, 5, 5))


def test_a_dense_layer_without_bias_has_its_weights_alone() -> None:
    layer = LayerSpec("dense", (7,), channels=3, bias=False)
    assert value_of(parameter_formula(layer)) == sum(w.numel() for w in nn.Linear(7, 3, bias=False).parameters())
