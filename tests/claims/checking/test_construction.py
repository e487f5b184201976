"""Each step that a row of a table becomes: its module, its arguments and its name."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from convstudy.claims import ClaimedTable, parse_table
from convstudy.claims.checking import table_network, table_num_classes
from convstudy.claims.checking.construction import (
    Step,
    activation_of,
    averages,
    dropout_of,
    steps_of,
    unique_name,
)
from convstudy.claims.checking.network import BranchedNetwork, is_chain, with_classes
from convstudy.errors import ClaimError


def table(*rows: str) -> ClaimedTable:
    return parse_table("layer\tshape\n" + "\n".join(rows) + "\n")


def steps(*rows: str) -> tuple[Step, ...]:
    return steps_of(table(*rows))[1]


@pytest.mark.parametrize(
    ("label", "module"),
    [("re_lu_3 (ReLU)", "ReLU"), ("re_lu_6 (ReLU)", "ReLU"), ("re_lu_6", "ReLU"),
     ("leaky_re_lu", "LeakyReLU"), ("LeakyReLU", "LeakyReLU"), ("ReLU6", "ReLU6"), ("gelu", "GELU"), ("Swish", "SiLU"),
     ("activation_4", "ReLU"), ("hard thing", "ReLU"), ("Sigmoid", "Sigmoid")],
)  # fmt: skip
def test_the_longest_name_of_an_activation_counts(label: str, module: str) -> None:
    assert activation_of(label) == module


@pytest.mark.parametrize(
    ("label", "average"),
    [("AvgPool2d", True), ("AVERAGE pooling", True), ("mean pool", True), ("S2", True), ("s4 (pool)", True),
     ("POOL1", False), ("MaxPool2d", False), ("pools2", False)],
)  # fmt: skip
def test_pooling_that_averages(label: str, average: bool) -> None:
    assert averages(label) is average


@pytest.mark.parametrize(("label", "share"), [("dropout 0.3", 0.3), ("Dropout(p=.25)", 0.25), ("dropout", 0.5)])
def test_the_share_that_dropout_takes(label: str, share: float) -> None:
    assert dropout_of(label) == share


def test_a_relu_follows_each_layer_with_weights_but_the_last() -> None:
    found = steps("Input\t(32,32,3)", "CONV1 (f=5)\t(28,28,8)", "POOL1\t(14,14,8)", "FC2\t(20,1)", "FC3\t(10,1)")
    assert [(step.name, step.module, step.output) for step in found] == [
        ("conv1", "Conv2d", (8, 28, 28)),
        ("relu", "ReLU", (8, 28, 28)),
        ("pool1", "MaxPool2d", (8, 14, 14)),
        ("flatten", "Flatten", (1568,)),
        ("fc2", "Linear", (20,)),
        ("relu_2", "ReLU", (20,)),
        ("fc3", "Linear", (10,)),
    ]
    assert [step.inputs for step in found] == [("x",), *((step.name,) for step in found[:-1])]
    assert all(step.arguments is not None and step.options is not None for step in found)


def test_a_table_that_lists_its_activations_gets_no_others() -> None:
    found = steps("Input\t(8,8,3)", "CONV1 (f=3)\t(6,6,4)", "tanh\t(6,6,4)", "FC2\t(20,1)", "FC3\t(10,1)")
    assert [step.module for step in found] == ["Conv2d", "Tanh", "Flatten", "Linear", "Linear"]


@pytest.mark.parametrize(
    ("row", "side", "options"),
    [
        ("conv 3x3\t(6,6,4)", 8, {"kernel_size": 3}),
        ("conv 3x3 s=2 p=1\t(4,4,4)", 8, {"kernel_size": 3, "stride": 2, "padding": 1}),
        ("conv 3x3 same\t(8,8,4)", 8, {"kernel_size": 3, "padding": 1}),
        ("conv 3x3 dilation=2\t(4,4,4)", 8, {"kernel_size": 3, "dilation": 2}),
        ("max pool 2x2\t(4,4,3)", 8, {"kernel_size": 2}),
        ("max pool 3x3 s=2\t(3,3,3)", 8, {"kernel_size": 3, "stride": 2}),
        ("max pool 3x3 s=1\t(6,6,3)", 8, {"kernel_size": 3, "stride": 1}),
        ("max pool 3x3 s=2 ceil\t(4,4,3)", 8, {"kernel_size": 3, "stride": 2, "ceil_mode": True}),
    ],
)
def test_a_window_is_told_as_torch_takes_it(row: str, side: int, options: dict[str, object]) -> None:
    found = steps(f"Input\t({side},{side},3)", row)
    window = next(step for step in found if step.module.endswith("2d"))
    assert dict(window.options) == options


def test_a_stride_longer_than_its_kernel_needs_no_padding() -> None:
    (conv,) = steps("Input\t(8,8,3)", "conv 1x1 s=2 same\t(4,4,4)")
    assert dict(conv.options) == {"kernel_size": 1, "stride": 2}


def test_a_window_of_two_sides_keeps_both() -> None:
    window = steps("Input\t(9,9,3)", "conv 3x5 s=2x1 p=1x2\t(5,9,4)")[0]
    assert dict(window.options) == {"kernel_size": (3, 5), "stride": (2, 1), "padding": (1, 2)}


@pytest.mark.parametrize(
    ("row", "module", "pads"),
    [
        ("conv 4x4 same\t(8,8,4)", "ZeroPad2d", ((1, 2, 1, 2),)),
        ("max pool 2x2 s=1 same\t(8,8,3)", "ConstantPad2d", ((0, 1, 0, 1), float("-inf"))),
        ("avg pool 2x2 s=1 same\t(8,8,3)", "ZeroPad2d", ((0, 1, 0, 1),)),
    ],
)
def test_uneven_padding_is_a_step_of_its_own(row: str, module: str, pads: tuple[object, ...]) -> None:
    pad, window = steps("Input\t(8,8,3)", row)[:2]
    assert (pad.name, pad.module, pad.arguments, dict(pad.options)) == ("pad", module, pads, {})
    assert pad.output == (3, 8, 8)  # the shape that is claimed, not the padded one
    assert "padding" not in window.options


def test_uneven_padding_of_an_oblong_map() -> None:
    pad = steps("Input\t(7,8,3)", "conv 3x4 s=2x1 same\t(4,8,4)")[0]
    assert pad.arguments == ((1, 2, 1, 1),)  # left, right, top, bottom


def test_groups_and_biases_are_told_where_they_are_not_the_usual() -> None:
    convolution, _, _, dense = steps("Input\t(8,8,4)", "conv 3x3 no bias\t(6,6,4)", "fc bias=False\t(10,1)")
    assert dict(convolution.options) == {"kernel_size": 3, "bias": False}
    assert dict(dense.options) == {"bias": False}
    assert steps("Input\t(8,8,4)", "depthwise conv 3x3\t(6,6,4)")[0].options["groups"] == 4
    assert steps("Input\t(8,8,4)", "conv 3x3 groups=2\t(6,6,4)")[0].options["groups"] == 2


NET = ("Input\t(8,8,3)", "CONV1 (f=3)\t(6,6,4)", "FC2\t(10,1)")


def test_another_number_of_channels_changes_the_first_layer_alone() -> None:
    network = table_network(table(*NET), in_channels=1)
    assert isinstance(network, nn.Sequential)
    first, *_, last = network
    assert isinstance(first, nn.Conv2d)
    assert (first.in_channels, first.out_channels, first.kernel_size) == (1, 4, (3, 3))
    assert isinstance(last, nn.Linear)
    assert (last.in_features, last.out_features) == (144, 10)
    assert network(torch.zeros(2, 1, 8, 8)).shape == (2, 10)
    same = table_network(table(*NET), in_channels=3, num_classes=10)
    assert same(torch.zeros(2, 3, 8, 8)).shape == (2, 10)


def test_another_number_of_classes_changes_the_last_layer_alone() -> None:
    network = table_network(table(*NET), num_classes=7)
    assert network(torch.zeros(2, 3, 8, 8)).shape == (2, 7)
    assert sum(weight.numel() for weight in network.parameters()) == 4 * 28 + 7 * 145
    assert table_num_classes(table(*NET)) == 10


def test_a_network_that_cannot_be_changed_says_so() -> None:
    dense = table("Input\t(8,8,3)", "FC1\t(10,1)")
    with pytest.raises(ClaimError, match="for its own input only"):
        table_network(dense, in_channels=1)
    grouped = table("Input\t(8,8,4)", "depthwise conv 3x3\t(6,6,4)", "FC\t(10,1)")
    with pytest.raises(ClaimError, match="for its own input only"):
        table_network(grouped, in_channels=1)
    ends = table("Input\t(8,8,3)", "conv 3x3\t(6,6,4)", "pool\t(3,3,4)")
    with pytest.raises(ClaimError, match="with 4 outputs only"):
        table_network(ends, num_classes=3)
    assert table_network(dense, num_classes=3)(torch.zeros(1, 3, 8, 8)).shape == (1, 3)


def test_a_chain_is_modules_each_fed_by_the_one_above() -> None:
    relu, other = Step("a", "ReLU", inputs=("x",)), Step("b", "ReLU", inputs=("a",))
    assert is_chain([relu, other])
    assert not is_chain([relu, Step("b", "ReLU", inputs=("x",))])
    assert not is_chain([relu, Step("b", "add", inputs=("a",))])
    assert not is_chain([relu, Step("b", "cat", inputs=("a",))])
    assert not is_chain([relu, Step("b", "add", inputs=("x", "a"))])
    branched = BranchedNetwork([relu, Step("b", "add", inputs=("x", "a"))])
    assert branched(torch.tensor([-2.0, 3.0])).tolist() == [-2.0, 6.0]


Told = tuple[str, str, tuple[object, ...], dict[str, object]]


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        (
            ("Input\t(8,8,4)", "sep1 (separable conv 3x3) no bias\t(6,6,5)", "fc\t(10,1)"),
            [
                ("sep1_depthwise", "Conv2d", (4, 4), {"kernel_size": 3, "groups": 4, "bias": False}),
                ("sep1", "Conv2d", (4, 5), {"kernel_size": 1, "bias": False}),
                ("relu", "ReLU", (), {}),
                ("flatten", "Flatten", (), {}),
                ("fc", "Linear", (180, 10), {}),
            ],
        ),
        (
            ("Input\t(8,8,4)", "separable conv 3x3\t(6,6,5)"),
            [
                ("separable_depthwise", "Conv2d", (4, 4), {"kernel_size": 3, "groups": 4, "bias": False}),
                ("separable", "Conv2d", (4, 5), {"kernel_size": 1}),
            ],
        ),
        (
            ("Input\t(8,8,4)", "depthwise conv 3x3\t(6,6,4)", "pool\t(3,3,4)"),
            [
                ("depthwise", "Conv2d", (4, 4), {"kernel_size": 3, "groups": 4}),
                ("relu", "ReLU", (), {}),
                ("pool", "MaxPool2d", (), {"kernel_size": 2}),
            ],
        ),
        (
            ("Input\t(8,8,4)", "avg pool 2x2\t(4,4,4)"),
            [("avg", "AvgPool2d", (), {"kernel_size": 2})],
        ),
        (
            ("Input\t(8,8,4)", "global max pool\t(4,1)"),
            [("layer_global", "AdaptiveMaxPool2d", (1,), {}), ("flatten", "Flatten", (), {})],
        ),
        (
            ("Input\t(8,8,4)", "adaptive pool\t(3,2,4)"),
            [("adaptive", "AdaptiveAvgPool2d", ((3, 2),), {})],
        ),
        (
            (
                "Input\t(8,8,4)",
                "conv 3x3\t(6,6,5)",
                "BN\t(6,6,5)",
                "LRN\t(6,6,5)",
                "flat (flatten)\t(180,1)",
                "softmax\t(10,1)",
            ),
            [
                ("conv", "Conv2d", (4, 5), {"kernel_size": 3}),
                ("relu", "ReLU", (), {}),
                ("bn", "BatchNorm2d", (5,), {}),
                ("lrn", "LocalResponseNorm", (5,), {}),
                ("flat", "Flatten", (), {}),
                ("logits", "Linear", (180, 10), {}),
            ],
        ),
        (
            ("Input\t(8,8,4)", "fc1\t(20,1)", "BN\t(20,1)", "dropout 0.2\t(20,1)", "fc2\t(10,1)"),
            [
                ("flatten", "Flatten", (), {}),
                ("fc1", "Linear", (256, 20), {}),
                ("relu", "ReLU", (), {}),
                ("bn", "BatchNorm1d", (20,), {}),
                ("dropout", "Dropout", (0.2,), {}),
                ("fc2", "Linear", (20, 10), {}),
            ],
        ),
    ],
    ids=["separable", "separable with bias", "depthwise", "average", "global", "adaptive", "norms", "dense"],
)
def test_every_kind_of_row_is_its_modules(rows: tuple[str, ...], told: list[Told]) -> None:
    assert [(step.name, step.module, step.arguments, dict(step.options)) for step in steps(*rows)] == told


@pytest.mark.parametrize(
    ("label", "taken", "name"),
    [
        ("Conv-1: a", (), "conv_1"),
        (":conv", (), "conv"),
        ("_conv_", (), "conv"),
        ("", (), "layer"),
        ("x", (), "x_2"),
        ("x", ("x", "x_2"), "x_3"),
        ("conv", ("conv", "conv_2", "conv_3"), "conv_4"),
        ("1x1", (), "layer_1x1"),
        ("class", (), "layer_class"),
        ("é1", (), "layer_1"),
        ("é", (), "layer"),
        ("append", (), "layer_append"),
    ],
)
def test_a_row_is_named_by_its_first_word(label: str, taken: tuple[str, ...], name: str) -> None:
    assert unique_name(label, dict.fromkeys(taken, ())) == name


def test_joins_have_neither_arguments_nor_options() -> None:
    text = "\n".join([
        "Layer (type)              Output Shape            Param #     Connected to",
        "input (InputLayer)        (None, 8, 8, 4)         0           -",
        "a (Conv2D)                (None, 8, 8, 4)         20          input[0][0]",
        "add (Add)                 (None, 8, 8, 4)         0           a[0][0], input[0][0]",
        "fc (Dense)                (None, 10)              2570        add[0][0]",
    ])  # fmt: skip
    join = next(step for step in steps_of(parse_table(text))[1] if step.module == "add")
    assert (join.name, join.arguments, dict(join.options), join.output) == ("add", (), {}, (4, 8, 8))


def test_changed_steps_know_their_output() -> None:
    changed = with_classes(table(*NET), steps(*NET), 7)
    assert (changed[-1].arguments, changed[-1].output) == ((144, 7), (7,))
    assert changed[:-1] == steps(*NET)[:-1]
