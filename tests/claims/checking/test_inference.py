"""What a row leaves unsaid, inferred from the numbers around it: each piece of evidence, counted by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from convstudy.claims import parse_table
from convstudy.claims.checking import check
from convstudy.claims.checking.inference import (
    CONVOLUTION_KERNELS,
    POOLING_KERNELS,
    Neighbours,
    by_parameters,
    dense_fits,
    evidence,
    evidence_from,
    follows,
    has_bias,
    inferred_channels,
    inferred_window,
    padding_order,
    said,
    stride_order,
    voted_channels,
    whole_ratio,
    window_candidates,
    window_fits,
)
from convstudy.claims.checking.layer import LayerSpec
from convstudy.claims.layer_text import Pair
from convstudy.claims.printed_number import read_number
from convstudy.claims.printed_shape import Shape
from convstudy.claims.table import ClaimedRow

NONE, SAME = ((0, 0), False), ((0, 0), True)
CONV = LayerSpec("convolution", (3, 32, 32), kernel=(5, 5))  # 28 x 28
MAP = replace(CONV, channels=8)


def row(text: str) -> ClaimedRow:
    """A row of label, shape (channels first), size and parameters; what is left out at the end is not claimed."""
    cells = [*text.split("|"), "-", "-", "-"][:4]
    first = "Input\t1x2x2\t-\t-"  # so that the shapes are read with channels first
    return parse_table(f"layer\tshape\tsize\tparameters\n{first}\n" + "\t".join(cells)).rows[1]


def near(
    text: str, following: str | None = None, feed: Shape = (3, 32, 32), claimed: Shape | None = None, tool: bool = False
) -> Neighbours:
    return Neighbours(row(text), row(following) if following else None, feed, claimed or feed, printed_by_tool=tool)


@pytest.mark.parametrize(
    ("kernel", "pooling", "strides"),
    [(1, True, [1, 2]), (2, True, [2, 1]), (3, True, [3, 2, 1]), (5, True, [5, 2, 1, 3]), (5, False, [1, 2, 4, 3]),
     (1, False, [1, 2, 4, 3])],
)  # fmt: skip
def test_strides_from_the_plainest_on(kernel: int, pooling: bool, strides: list[int]) -> None:
    assert stride_order(kernel, pooling) == strides


@pytest.mark.parametrize(
    ("label", "kernel", "paddings"),
    [
        ("conv", (3, 3), [NONE, ((1, 1), False)]),
        ("conv", (7, 7), [NONE, ((3, 3), False), ((1, 1), False), ((2, 2), False)]),
        ("conv", (7, 3), [NONE, ((3, 1), False), ((1, 1), False), ((2, 2), False)]),
        ("conv", (3, 7), [NONE, ((1, 3), False)]),
        ("conv", (4, 4), [NONE, SAME, ((2, 2), False), ((1, 1), False)]),
        ("conv", (2, 3), [NONE, SAME, ((1, 1), False)]),
        ("conv", (3, 2), [NONE, ((1, 1), False)]),
        ("pool", (4, 4), [NONE, ((2, 2), False), ((1, 1), False)]),
        ("conv", (1, 1), [NONE]),
        ("conv p=1", (7, 7), [((1, 1), False)]),
        ("conv p=0", (7, 7), [NONE]),
        ("conv same", (7, 7), [SAME]),
        ("conv valid", (7, 7), [NONE]),
    ],
)
def test_paddings_from_the_plainest_on(label: str, kernel: Pair, paddings: list[tuple[Pair, bool]]) -> None:
    assert padding_order(near(label), kernel) == paddings


def test_a_long_kernel_has_at_most_sixteen_paddings_between() -> None:
    assert padding_order(near("conv"), (41, 41)) == [
        NONE, ((20, 20), False), *(((side, side), False) for side in range(1, 16))
    ]  # fmt: skip


def test_a_window_that_is_stated_is_the_only_candidate() -> None:
    stated = near("conv f=5 s=2 p=1 dilation=3 groups=3 ceil")
    layer = LayerSpec("convolution", (3, 32, 32))
    window = replace(layer, kernel=(5, 5), stride=(2, 2), padding=(1, 1), dilation=(3, 3), groups=3, rounds_up=True)
    assert list(window_candidates(stated, layer)) == [window]


def test_what_is_not_stated_is_tried_the_plainest_first() -> None:
    layer = LayerSpec("convolution", (3, 32, 32))
    found = list(window_candidates(near("conv"), layer))
    assert [side for side, _ in dict.fromkeys(window.kernel for window in found)] == list(CONVOLUTION_KERNELS)
    assert found[0] == replace(layer, kernel=(3, 3))
    assert found[1] == replace(layer, kernel=(3, 3), padding=(1, 1))
    assert found[2] == replace(layer, kernel=(3, 3), stride=(2, 2))
    pool = LayerSpec("pooling", (3, 32, 32))
    pools = list(window_candidates(near("pool"), pool))
    assert dict.fromkeys(window.kernel for window in pools) == dict.fromkeys((side, side) for side in POOLING_KERNELS)
    assert pools[0] == replace(pool, kernel=(2, 2), stride=(2, 2))
    oblong = [window.stride for window in window_candidates(near("pool f=2x5 p=0"), pool)]
    assert oblong == [(2, 2), (1, 1)]
    kept = window_candidates(near("pool f=3 same"), pool)
    assert [(window.kernel, window.stride, window.same) for window in kept] == [
        ((3, 3), (stride, stride), True) for stride in (3, 2, 1)
    ]


@pytest.mark.parametrize(
    ("text", "following", "found"),
    [  # 3 for the sides, 2 for the size, 2 for the row below, 4 for the parameters and 3 for those without bias
        ("CONV|8x28x28|6,272|608", "pool|8x14x14", 3 + 2 + 2 + 4),
        ("CONV|8x28x28|6,272|600", "pool|8x14x14", 3 + 2 + 2 + 3),
        ("CONV|8x28x28|6,272|0.6K", "pool|8x14x14", 3 + 2 + 2 + 4 + 3),
        ("CONV f=5|8x28x28|6,272|608", "pool|8x14x14", 3 + 2 + 2),
        ("CONV|8x28x28|6,272|601", "pool|8x13x13", 3 + 2),
        ("CONV|8x28x28|6,273|601", None, 3),
        ("CONV|8x28x27|6,272|601", None, 2),
        ("CONV|8x27x27|-|608", None, 4),
        ("CONV 8 filters|-|6,272|608", None, 2 + 4),
        ("CONV|-|784|76", None, 2 + 4),
        ("CONV|8x9x9|-|-", None, 0),
    ],
)
def test_the_evidence_for_a_window(text: str, following: str | None, found: float) -> None:
    assert evidence_from(near(text, following), CONV, CONV.input) == found


def test_the_evidence_for_other_windows() -> None:
    depthwise = LayerSpec("depthwise convolution", (3, 32, 32), kernel=(3, 3))
    row = near("depthwise conv|3x30x30|2,700|30")
    assert evidence_from(row, depthwise, depthwise.input) == 3 + 2 + 4  # (3·3·1 + 1)·3
    pool = LayerSpec("pooling", (3, 32, 32), kernel=(2, 2), stride=(2, 2))
    assert evidence_from(near("pool|3x16x16|768|0"), pool, pool.input) == 3 + 2
    assert evidence_from(near("CONV|8"), CONV, (3, 5, 5)) == 3  # 1 x 1, printed as a vector
    assert evidence_from(near("CONV|8x28x28"), CONV, (3, 4, 4)) == -1  # does not fit


def test_the_claimed_feed_counts_as_the_right_one_does() -> None:
    for feed, claimed in (((3, 32, 32), (3, 9, 9)), ((3, 9, 9), (3, 32, 32))):
        assert evidence(near("CONV|8x28x28|6,272", None, feed, claimed), replace(CONV, input=(3, 7, 7))) == 3 + 2


def test_the_window_that_explains_most_is_taken_with_its_filters_and_said() -> None:
    layer, notes = inferred_window(near("CONV|8x28x28|6,272|608"), LayerSpec("convolution", (3, 32, 32)))
    assert layer == MAP
    assert notes == ("kernel 5×5, stride 1, padding 0 not stated, inferred from the shapes",)
    pool, notes = inferred_window(
        near("POOL f=2 s=2 p=0|8x14x14", None, (8, 28, 28)), LayerSpec("pooling", (8, 28, 28))
    )
    assert pool == LayerSpec("pooling", (8, 28, 28), kernel=(2, 2), stride=(2, 2))
    assert notes == ()


@pytest.mark.parametrize(
    ("below", "found"),
    [
        ("FC|10|-|62,730", True), ("FC|10|-|61,731", False), ("softmax|10|-|62,730", True), ("softmax|10", False),
        ("flatten|6272", True), ("flatten|6271", False), ("flatten", False),
        ("ReLU|8x28x28", True), ("BN|8x28x28", True), ("ReLU|8x28x27", False), ("ReLU", False), ("ReLU|784", False),
        ("pool|8x14x14", True), ("pool|8x13x13", False), ("conv f=5|16x24x24", True), ("conv|16x24x24", False),
        ("pool", False), ("pool|14", False),
    ],
)  # fmt: skip
def test_what_the_next_row_claims_may_follow(below: str, found: bool) -> None:
    assert follows(row(below), MAP) is found
    assert not follows(None, MAP)


@pytest.mark.parametrize(
    ("below", "side", "found"),
    [
        ("conv f=5", (24, 24), True), ("conv f=5", (26, 26), True), ("conv f=5", (28, 28), True),
        ("conv f=5", (30, 30), False), ("conv f=5", (25, 25), False), ("conv f=5", (22, 22), False),
        ("conv", (27, 27), False), ("conv f=3 s=2", (13, 13), True), ("conv f=3 s=2", (26, 26), False),
        ("conv 5x3", (28, 30), True), ("conv 3x5", (30, 28), False), ("conv 3x5", (28, 26), True),
        ("conv f=3 s=2x1", (13, 26), True), ("conv f=3 s=1x2", (13, 26), False),
        ("pool", (14, 14), True), ("pool", (15, 15), True), ("pool", (13, 13), False), ("pool", (27, 27), False),
        ("pool f=3", (9, 9), True), ("pool f=3", (10, 10), True), ("pool f=3", (13, 13), False),
        ("pool f=3 s=2", (13, 13), True), ("adaptive pool f=2", (27, 27), False), ("FC f=2", (14, 14), False),
        ("conv f=33", (1, 1), False),
    ],
)  # fmt: skip
def test_a_window_below_fits_with_up_to_half_a_kernel_of_padding(below: str, side: Shape, found: bool) -> None:
    assert window_fits(row(below), (8, 28, 28), side) is found


def test_a_long_window_below_is_tried_with_sixteen_of_padding() -> None:
    assert window_fits(row("conv f=40"), (8, 60, 60), (60 + 2 * 16 - 40 + 1,) * 2)
    assert not window_fits(row("conv f=40"), (8, 60, 60), (60 + 2 * 17 - 40 + 1,) * 2)


@pytest.mark.parametrize(
    ("text", "found"),
    [  # 20 units on 7 features: right, with one bias for the layer, and without
        ("FC|20|-|160", True), ("FC|20|-|141", True), ("FC|20|-|140", True),
        ("FC|20|-|139", False), ("FC|20|-|142", False), ("FC|20|-|120", False), ("FC|20|-|180", False),
        ("FC units=20|-|-|160", True), ("FC units=20|20x1x1|-|160", True), ("FC|-|-|160", False), ("FC|20", False),
    ],
)  # fmt: skip
def test_a_dense_row_fits_its_features(text: str, found: bool) -> None:
    assert dense_fits(row(text), 7) is found


@pytest.mark.parametrize(
    ("number", "divisor", "ratio"),
    [("608", 76, 8), ("600", 76, 0), ("0.6K", 75, 0), ("-", 75, 0), ("608", 0, 0), ("608", -76, 0), ("-608", 76, 0),
     ("0", 76, 0), ("7", 1, 7), ("76", 76, 1)],
)  # fmt: skip
def test_whole_ratios(number: str, divisor: int, ratio: int) -> None:
    assert whole_ratio(read_number(number), divisor) == ratio


def test_filters_from_the_parameters() -> None:
    assert by_parameters(near("conv|-|-|608"), CONV) == 8  # 8·(5·5·3 + 1)
    assert by_parameters(near("conv|-|-|600"), CONV) == 8  # 8·5·5·3
    assert by_parameters(near("conv|-|-|601"), CONV) == 0
    assert by_parameters(near("conv"), CONV) == 0
    assert by_parameters(near("FC|-|-|80"), LayerSpec("dense", (7,))) == 10
    assert by_parameters(near("depthwise|-|-|608"), replace(CONV, kind="depthwise convolution")) == 0


@pytest.mark.parametrize(
    ("text", "below", "channels"),
    [  # the claimed shape against one number, and against two
        ("conv|8x28x28|4,704", None, 8), ("conv|8x28x28|-|456", None, 8), ("conv|8x28x28|4,704|456", None, 6),
        ("conv|8x28x28|4,704", "pool|6x14x14", 6), ("conv|8x28x28|4,704", "ReLU|6x28x28", 6),
        ("conv|8x28x28|4,704", "global pool|6", 6), ("conv|8x28x28|4,704", "conv|6x28x28", 8),
        ("conv|8x28x28|4,704", "FC|6", 8), ("conv|8x28x28|4,704|456", "pool|8x14x14", 8),
        ("conv|8x28x28|-|456", "pool|6x14x14", 6),
        ("conv|-|4,704", None, 6), ("conv|-|-|456", None, 6), ("conv|-|4,704|608", None, 6), ("conv", None, 0),
        ("conv", "pool|6x14x14", 6), ("conv|-|4,705", None, 0), ("conv|8x28x28|4,704", "FC|10|-|70", 8),
        ("conv", "pool", 0),
    ],
)  # fmt: skip
def test_the_filters_that_most_numbers_agree_on(text: str, below: str | None, channels: int) -> None:
    assert voted_channels(near(text, below), CONV) == channels


@pytest.mark.parametrize(
    ("text", "below", "units"),
    [
        ("FC|9|-|80", None, 9),  # 80 = 10·(7 + 1): one number against a shape
        ("FC|9|10|80", None, 10), ("FC|9|10", "FC|5|-|55", 10), ("FC|9|-|80", "FC|5|-|55", 10),  # 55 = 5·(10 + 1)
        ("FC|9", "ReLU|10", 9), ("FC|-|-|-", "FC|5|-|55", 10), ("FC", "FC|-|-|55", 0), ("FC", "FC|5", 0),
        ("FC|-|-|-", "FC|5|-|5", 0), ("FC|-|9", "FC|5|-|55", 9),
        ("FC|-|9", "ReLU|10", 9), ("FC", "ReLU|10", 0), ("FC", "FC|1|-|2", 1),
    ],
)  # fmt: skip
def test_the_units_that_most_numbers_agree_on(text: str, below: str | None, units: int) -> None:
    assert voted_channels(near(text, below, (7,)), LayerSpec("dense", (7,))) == units


def test_stated_filters_are_kept_and_a_depthwise_convolution_has_a_group_for_each_channel() -> None:
    assert inferred_channels(near("conv 9 filters|8x28x28|6,272"), CONV) == replace(CONV, channels=9)
    assert inferred_channels(near("conv|8x28x28|6,272"), CONV) == MAP
    depthwise = LayerSpec("depthwise convolution", (3, 32, 32), kernel=(5, 5))
    assert inferred_channels(near("depthwise|6x28x28"), depthwise) == replace(depthwise, channels=6, groups=3)
    pool = LayerSpec("pooling", (3, 32, 32))
    assert inferred_channels(near("pool 9 filters|8x28x28"), pool) == pool
    bare = inferred_channels(near("conv no bias|8x28x28|6,272"), CONV)
    assert bare == replace(MAP, bias=False)


@pytest.mark.parametrize(
    ("text", "below", "tool", "bias"),
    [
        ("conv no bias|-|-|608", None, True, False), ("conv with bias|-|-|600", "BN", True, True),
        ("conv|-|-|600", "BN", False, False), ("conv|-|-|600", None, True, False),
        ("conv|-|-|600", "ReLU", True, False), ("conv|-|-|600", None, False, True),
        ("conv|-|-|600", "ReLU", False, True), ("conv|-|-|608", "BN", True, True),
        ("conv|-|-|608", "BN", False, True), ("conv", "BN", True, True), ("conv|-|-|601", "BN", True, True),
    ],
)  # fmt: skip
def test_a_bias_is_inferred_where_a_norm_follows_or_a_tool_counted(
    text: str, below: str | None, tool: bool, bias: bool
) -> None:
    assert has_bias(near(text, below, tool=tool), MAP) is bias


@pytest.mark.parametrize(
    ("text", "layer", "notes"),
    [
        ("conv", MAP, ["kernel 5×5, stride 1, padding 0 not stated, inferred from the shapes"]),
        ("conv f=5 s=1 p=0", MAP, []),
        ("conv f=5", MAP, ["padding 0 not stated, inferred from the shapes"]),
        ("conv f=5 s=1", MAP, ["padding 0 not stated, inferred from the shapes"]),
        ("conv f=5 p=0", replace(MAP, stride=(2, 1)), ["stride 2 not stated, inferred from the shapes"]),
        ("conv f=5 p=0", MAP, []),
        ("conv s=1 p=0", replace(MAP, kernel=(5, 3)), ["kernel 5×3 not stated, inferred from the shapes"]),
        ("conv f=5 s=1", replace(MAP, padding=(2, 1)), ["padding 2 not stated, inferred from the shapes"]),
        ("conv f=5 s=1", replace(MAP, same=True), ["padding 'same' not stated, inferred from the shapes"]),
        ("conv f=5 s=1 p=0", replace(MAP, bias=False), ["no bias, inferred from the parameters"]),
        ("conv f=5 s=1 p=0 no bias", replace(MAP, bias=False), []),
        ("conv f=5 s=1", replace(MAP, bias=False), ["padding 0 not stated, inferred from the shapes",
                                                     "no bias, inferred from the parameters"]),
        ("pool f=2 p=0", LayerSpec("pooling", (8, 4, 4), kernel=(2, 2), stride=(2, 2)), []),
        ("pool f=2 p=0", LayerSpec("pooling", (8, 4, 4), kernel=(2, 2)),
         ["stride 1 not stated, inferred from the shapes"]),
    ],
)  # fmt: skip
def test_what_was_inferred_is_said(text: str, layer: LayerSpec, notes: list[str]) -> None:
    assert list(said(near(text), layer)) == notes


@pytest.mark.parametrize("macs", [True, False])
def test_exchanged_columns_are_not_groups_that_nobody_states(macs: bool) -> None:
    """5·5·4·6 = 600, the size in the column of parameters, is also a convolution in two groups without biases."""
    rows = [
        ("layer", "shape", "size", "parameters", "MACs"),
        ("Input", "14x14x8", "1,568", "0", "0"),
        ("CONV2 (f=5, s=1, p=0)", "10x10x6", "1,206", "600", "120,000"),
        ("FC3", "24", "24", "14,424", "14,400"),
    ]
    report = check(parse_table("\n".join("\t".join(row if macs else row[:4]) for row in rows)))
    assert [(cell.row, cell.quantity, cell.mistake) for cell in report.wrong] == [
        ("CONV2 (f=5, s=1, p=0)", quantity, "columns-exchanged") for quantity in ("activation_size", "parameters")
    ]
