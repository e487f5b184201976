"""The network that a table describes: which rows feed a row, and what its layer is."""

from __future__ import annotations

from dataclasses import replace

import pytest

from convstudy.claims import ClaimedTable, parse_table
from convstudy.claims.checking.describe import (
    FARTHEST_BRANCH,
    DescribedNetwork,
    DescribedRow,
    describe,
    explains,
    inputs_of,
    joined,
    refed,
)
from convstudy.claims.checking.layer import LayerSpec
from convstudy.claims.checking.row_layer import kind_of
from convstudy.claims.layer_text import LayerText
from convstudy.claims.printed_number import read_number
from convstudy.claims.printed_shape import Shape, same_shape
from convstudy.claims.table import ClaimedRow, Printer

CONV = LayerSpec("convolution", (3, 32, 32), channels=8, kernel=(5, 5))
CONCAT = "\n".join([
    "Layer (type)              Output Shape            Param #     Connected to",
    "input (InputLayer)        (None, 8, 8, 4)         0           -",
    "a (Conv2D)                (None, 8, 8, 6)         30          input[0][0]",
    "b (Conv2D)                (None, 8, 8, 2)         74          input[0][0]",
    "cat (Concatenate)         (None, 8, 8, 8)         0           a[0][0], b[0][0]",
    "fc (Dense)                (None, 10)              5130        cat[0][0]",
])  # fmt: skip


def table(*rows: str) -> ClaimedTable:
    return parse_table("\n".join(["layer\tshape\tsize\tparameters", *rows]))


def claimed(label: str, shape: Shape | None = None, **numbers: str) -> ClaimedRow:
    read = {name: number for name, text in numbers.items() if (number := read_number(text))}
    return ClaimedRow(label, LayerText("convolution"), shape, None, read)


def outputs(network: DescribedNetwork) -> list[Shape | None]:
    return [row.output for row in network.rows]


def test_shapes_are_joined_over_the_channels() -> None:
    assert joined([(3, 8, 7)]) == (3, 8, 7)
    assert joined([(3, 8, 7), (2, 4, 5)]) == (5, 8, 7)


def test_a_layer_is_fed_with_other_inputs_where_it_can_be() -> None:
    cat = LayerSpec("concatenation", (8, 4, 4))
    assert refed(cat, [(6, 9, 9), (2, 9, 9)]) == LayerSpec("concatenation", (8, 9, 9))
    assert refed(cat, [(6, 9, 9), None]) is None
    assert refed(CONV, [(3, 28, 28)]) == CONV.fed((3, 28, 28))
    assert refed(CONV, [(3, 4, 4)]) is None
    assert refed(CONV, [None]) is None


def test_a_network_is_fed_with_another_input() -> None:
    network = describe(parse_table(CONCAT))
    layers = network.with_input((4, 9, 9))
    assert [layer.output for layer in layers if layer] == [(4, 9, 9), (6, 9, 9), (2, 9, 9), (8, 9, 9), (10,)]
    assert outputs(network) == [(4, 8, 8), (6, 8, 8), (2, 8, 8), (8, 8, 8), (10,)]
    unknown = describe(table("CONV f=5 s=1 p=0\t(28,28,8)", "Mystery\t-", "FC\t(10,1)"))
    assert unknown.with_input((3, 9, 9)) == [CONV.fed((3, 9, 9)), None, None]
    small = describe(table("Input\t(32,32,3)", "CONV f=5 s=1 p=0\t(28,28,8)", "FC\t(10,1)")).with_input((3, 4, 4))
    assert small == [LayerSpec("input", (3, 4, 4)), None, None]


@pytest.mark.parametrize(
    ("layer", "row", "found"),
    [
        (CONV, claimed("conv"), True),
        (CONV, claimed("conv", (8, 28, 28)), True),
        (CONV, claimed("conv", (8, 28, 27)), False),
        (CONV, claimed("conv", parameters="608"), True),
        (CONV, claimed("conv", parameters="600"), False),
        (CONV, claimed("conv", (8, 28, 28), parameters="600"), False),
        (CONV, claimed("conv", (8, 27, 28), parameters="608"), False),
        (CONV, claimed("conv", (8, 28, 28), parameters="0.61K"), True),
        (None, claimed("conv"), False),
        (None, ClaimedRow("Mystery", LayerText()), True),
    ],
)
def test_a_layer_explains_its_row(layer: LayerSpec | None, row: ClaimedRow, found: bool) -> None:
    assert explains(DescribedRow(row, layer, ())) is found


def above(*rows: tuple[str, str, Shape | None]) -> list[DescribedRow]:
    return [
        DescribedRow(ClaimedRow(label, LayerText(kind)), LayerSpec("activation", shape) if shape else None, ())
        for label, kind, shape in rows
    ]


ROWS = above(
    ("a (Conv)", "convolution", (8, 4, 4)), ("b", "pooling", (8, 2, 2)), ("c", "other", None), ("t", "total", None)
)


@pytest.mark.parametrize(
    ("rows", "names", "input_shape", "found"),
    [
        (ROWS, ("a",), None, (0,)), (ROWS, ("b", "a"), None, (1, 0)), (ROWS, ("a", "gone"), None, (0,)),
        (ROWS, ("gone",), None, (3,)), ([], ("gone",), None, ()),
        (ROWS, (), None, (2,)), ([], (), None, ()), (ROWS[3:], (), None, ()), (ROWS[:2], (), None, (1,)),
        (ROWS[:2], (), (8, 4, 4), (0,)), (ROWS[:2], (), (8, 2, 2), (1,)), (ROWS[:2], (), (32,), (1,)),
        (ROWS[:2], (), (9, 9, 9), (1,)), (ROWS, (), (8, 4, 4), (2,)),
        ([*ROWS[:2], *ROWS[3:]], (), (8, 4, 4), (0,)),
    ],
)  # fmt: skip
def test_the_rows_that_feed_a_row(
    rows: list[DescribedRow], names: tuple[str, ...], input_shape: Shape | None, found: tuple[int, ...]
) -> None:
    row = ClaimedRow("d", LayerText("activation"), (8, 4, 4), input_shape, {}, names)
    assert inputs_of(rows, row) == found


def test_a_branch_reaches_back_forty_rows() -> None:
    def feeding(between: int) -> tuple[int, ...]:
        rows = above(("a", "activation", (8, 4, 4)), *[("b", "activation", (8, 2, 2))] * between)
        return inputs_of(rows, ClaimedRow("d", LayerText("activation"), None, (8, 4, 4)))

    assert feeding(FARTHEST_BRANCH - 1) == (0,)
    assert feeding(FARTHEST_BRANCH) == (FARTHEST_BRANCH,)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("softmax\t-\t-\t-", "softmax"), ("softmax\t(10,1)\t10\t0", "softmax"), ("softmax\t(9,1)\t-\t-", "dense"),
        ("softmax\t-\t9\t-", "dense"), ("softmax\t-\t-\t1", "dense"), ("softmax\t(10,1)\t9\t-", "dense"),
        ("softmax\t(10,1)\t10\t7", "dense"), ("ReLU\t(9,1)\t9\t7", "activation"),
    ],
)  # fmt: skip
def test_a_softmax_that_changes_something_is_a_dense_layer_with_one(text: str, kind: str) -> None:
    assert kind_of(table(text).rows[0], (10,)) == kind


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ((512, 1, 1), (512,), True), ((512,), (512, 1, 1), True), ((8, 4, 4), (8, 4, 4), True),
        ((8, 4, 4), (8, 4, 5), False), ((512, 1, 1), (511,), False), ((1, 8), (8,), False), ((8,), (1, 8), False),
        ((8, 1), (8,), True), ((8,), (8, 1), True), ((2, 1, 1), (2,), True), ((2,), (2, 1, 1), True),
    ],
)  # fmt: skip
def test_extents_of_one_may_be_left_out_behind_the_channels(one: Shape, other: Shape, same: bool) -> None:
    assert same_shape(one, other) is same


@pytest.mark.parametrize(
    ("rows", "layer", "notes"),
    [
        (["BN\t(32,32,3)"], LayerSpec("norm", (3, 32, 32)), ()),
        (["adaptive pool\t(3,2,3)"], LayerSpec("adaptive pooling", (3, 32, 32), output_size=(3, 2)), ()),
        (["adaptive pool\t(3,1)"], LayerSpec("adaptive pooling", (3, 32, 32)), ()),
        (["adaptive pool\t-"], LayerSpec("adaptive pooling", (3, 32, 32)), ()),
        (["ReLU\t-"], LayerSpec("activation", (3, 32, 32)), ()),
        (["Mystery\t-"], None, ()),
        (["transposed conv\t-"], None, ()),
        (["flatten\t-", "conv f=3\t(2,2,3)"], None, ()),
        (["CONV f=5\t-"], None, ("neither filters nor output shape are stated",)),
        (["FC\t-"], None, ("neither units nor output shape are stated",)),
        (["separable conv f=3\t-"], None, ("neither filters nor output shape are stated",)),
        (["conv f=40 p=0\t(1,1,8)"], None, ("its window or its groups do not fit its input",)),
        (["conv f=3 s=1 p=0 groups=2\t(30,30,8)"], None, ("its window or its groups do not fit its input",)),
        (["conv f=3 s=1 p=0 groups=3\t(30,30,9)"],
         LayerSpec("convolution", (3, 32, 32), channels=9, kernel=(3, 3), groups=3), ()),
        (["separable conv f=3 s=1 p=0 groups=2\t(30,30,8)"],
         LayerSpec("separable convolution", (3, 32, 32), channels=8, kernel=(3, 3), groups=2), ()),
        (["pool f=2 s=2 p=0 groups=2\t-"], LayerSpec("pooling", (3, 32, 32), kernel=(2, 2), stride=(2, 2), groups=2),
         ()),
        (["Mystery\t-", "ReLU\t-"], None, ()),
        (["concat\t(32,32,9)"], LayerSpec("concatenation", (9, 32, 32)), ()),
        (["concat\t-"], LayerSpec("concatenation", (3, 32, 32)), ()),
        (["Total\t-"], None, ()),
        (["Input\t-"], LayerSpec("input", (3, 32, 32)), ()),
    ],
)  # fmt: skip
def test_a_row_is_its_layer(rows: list[str], layer: LayerSpec | None, notes: tuple[str, ...]) -> None:
    network = describe(table("Input\t(32,32,3)", *rows))
    assert (network.rows[-1].layer, network.rows[-1].notes) == (layer, notes)
    assert network.rows[-1].inputs == (() if rows[-1].startswith("Input") else (len(rows) - 1,))


def test_what_was_inferred_is_said_with_its_row() -> None:
    network = describe(table("CONV1 f=5 s=1\t(28,28,8)", "FC\t-"))
    assert network.input_shape == (3, 32, 32)
    assert network.notes == (
        "CONV1 f=5 s=1: the input is not stated: (32,32,3) is the usual one that gives this row",
        "CONV1 f=5 s=1: padding 0 not stated, inferred from the shapes",
        "FC: neither units nor output shape are stated",
    )
    assert [row.inputs for row in network.rows] == [(), (0,)]


def test_a_total_between_two_rows_tells_nothing_of_the_row_above_it() -> None:
    """50 channels or 8: what is claimed below the total decides."""
    network = describe(table("Input\t(32,32,3)", "CONV f=5 s=1 p=0\t(28,28,8)\t39,200", "Total\t-", "ReLU\t(28,28,50)"))
    assert outputs(network)[1] == (50, 28, 28)
    assert network.rows[3].inputs == (1,)


@pytest.mark.parametrize("printer", ["torchinfo", "torchsummary", "model"])
@pytest.mark.parametrize("between", [1, 2, 3])
def test_a_branch_that_a_printout_does_not_tell_is_found(printer: Printer, between: int) -> None:
    """c has 5·(8 + 1) = 45 parameters: it is fed with a's eight channels, however many rows have four meanwhile."""
    rows = ["a (conv 1x1)\t(8,8,8)\t32", *["b (conv 1x1)\t(8,8,4)\t-"] * between, "c (conv 1x1)\t(8,8,5)\t45"]
    claims = parse_table("\n".join(["layer\tshape\tparameters", "Input\t(8,8,3)\t0", *rows]))
    found = describe(replace(claims, printed_by=printer)).rows[-1]
    assert (found.inputs, found.notes[-1]) == ((1,), "a branch from a (conv 1x1)")
    assert describe(replace(claims, printed_by="keras")).rows[-1].inputs == (1 + between,)


def test_a_tool_that_counts_no_bias_means_none() -> None:
    """A person may have forgotten it: 8·3·5·5 = 600 parameters are a mistake there."""
    claims = table("Input\t(32,32,3)", "CONV f=5 s=1 p=0\t(28,28,8)\t-\t600", "FC\t(10,1)")
    by_hand, printed = describe(claims).rows[1].layer, describe(replace(claims, printed_by="keras")).rows[1].layer
    assert by_hand
    assert printed
    assert (by_hand.bias, printed.bias) == (True, False)


def test_a_concatenation_has_the_channels_that_are_joined_whatever_is_claimed() -> None:
    network = describe(parse_table(CONCAT.replace("(None, 8, 8, 8)", "(None, 8, 8, 9)")))
    assert outputs(network)[3] == (8, 8, 8)
    assert network.rows[3].inputs == (1, 2)
    lost = CONCAT.replace("(None, 8, 8, 2)         74", "?                       - ")
    assert describe(parse_table(lost)).rows[3].layer is None


def test_an_input_that_is_not_known_is_no_layer() -> None:
    assert describe(table("Input\t-", "FC\t-")).rows[0].layer is None


def test_a_row_is_inferred_with_the_claimed_shape_above_too() -> None:
    """The pooling's window follows from the wrong 30 x 30 that is claimed above it."""
    network = describe(table("Input\t(32,32,3)", "CONV f=5 s=1 p=0\t(30,30,8)", "POOL f=3 s=1\t(30,30,8)"))
    assert network.rows[2].layer is not None
    assert network.rows[2].layer.padding == (1, 1)
