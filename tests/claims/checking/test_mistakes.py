"""Each known mistake, its number worked out by hand on layers of the lecture and of the papers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from convstudy.claims import parse_table
from convstudy.claims.checking import CheckReport, check
from convstudy.claims.checking.facts import facts_of_layer
from convstudy.claims.checking.layer import LayerSpec
from convstudy.claims.checking.mistakes import number_mistakes, shape_mistakes, slips
from convstudy.claims.table import Quantity

CONV1 = LayerSpec("convolution", (3, 32, 32), channels=8, kernel=(5, 5))
STRIDED = LayerSpec(
    "convolution", (3, 224, 224), channels=64, kernel=(7, 7), stride=(2, 2), padding=(3, 3)
)  # ResNet's first
ODD = LayerSpec("convolution", (3, 225, 225), channels=64, kernel=(7, 7), stride=(2, 2), padding=(3, 3))
UNPADDED = LayerSpec("convolution", (3, 225, 225), channels=64, kernel=(7, 7), stride=(2, 2))
EVEN = LayerSpec("convolution", (3, 224, 224), channels=64, kernel=(7, 7), stride=(2, 2))
ONE_PAD = LayerSpec("convolution", (3, 9, 9), channels=4, kernel=(3, 3), padding=(1, 1))
FLAT_PAD = LayerSpec("convolution", (3, 9, 9), channels=4, kernel=(3, 3), padding=(0, 1))
SAME = LayerSpec("convolution", (3, 8, 8), channels=8, kernel=(5, 5), stride=(2, 2), same=True)
GROUPED = LayerSpec(
    "convolution", (96, 27, 27), channels=256, kernel=(5, 5), padding=(2, 2), groups=2
)  # AlexNet's second
BARE = LayerSpec("convolution", (64, 56, 56), channels=64, kernel=(3, 3), padding=(1, 1), bias=False)
OBLONG = LayerSpec("convolution", (3, 20, 40), channels=5, kernel=(5, 3), stride=(2, 1))
OBLONG_FC = LayerSpec("dense", (16, 4, 7), channels=10)
BARE_MAP_FC = LayerSpec("dense", (16, 5, 5), channels=10, bias=False)
BARE_GROUPED = LayerSpec("convolution", (4, 9, 9), channels=8, kernel=(3, 3), groups=2, bias=False)
POOL = LayerSpec("pooling", (8, 28, 28), kernel=(2, 2), stride=(2, 2))
OVERLAPPING = LayerSpec("pooling", (64, 112, 112), kernel=(3, 3), stride=(2, 2))
FC3 = LayerSpec("dense", (16, 5, 5), channels=120)
BARE_FC = LayerSpec("dense", (120,), channels=84, bias=False)
NORM = LayerSpec("norm", (64, 56, 56))
KERAS_NORM = LayerSpec("norm", (64, 56, 56), norm_numbers=4)
RELU = LayerSpec("activation", (8, 28, 28))
INPUT = LayerSpec("input", (3, 32, 32))
PADDED_POOL = LayerSpec("pooling", (64, 8, 8), kernel=(3, 3), stride=(2, 2), padding=(1, 1), rounds_up=True)
OBLONG_MAP = LayerSpec("flatten", (16, 4, 7))
FLATTEN = LayerSpec("flatten", (16, 5, 5))


@pytest.mark.parametrize(
    ("layer", "quantity", "value", "mistake", "formula"),
    [
        (CONV1, "parameters", 208, "input-channels-left-out", "(5·5 + 1)·8 = 208"),
        (CONV1, "parameters", 200, "input-channels-left-out", "5·5·8 = 200"),
        (CONV1, "parameters", 201, "input-channels-left-out", "5·5·8 + 1 = 201"),
        (CONV1, "parameters", 601, "one-bias-for-the-layer", "5·5·3·8 + 1 = 601"),
        (CONV1, "parameters", 600, "bias-left-out", "5·5·3·8 = 600"),
        (CONV1, "parameters", 76, "filters-left-out", "5·5·3 + 1 = 76"),
        (CONV1, "parameters", 75, "filters-left-out", "5·5·3 = 75"),
        (CONV1, "parameters", 128, "kernel-side-not-squared", "(5·3 + 1)·8 = 128"),
        (CONV1, "parameters", 120, "kernel-side-not-squared", "5·3·8 = 120"),
        (CONV1, "parameters", 616, "bias-counted-twice", "(5·5·3 + 2)·8 = 616"),
        (CONV1, "parameters", 624, "bias-for-every-input-channel", "(5·5 + 1)·3·8 = 624"),
        (CONV1, "parameters", 476_672, "weights-at-every-position", "(5·5·3 + 1)·8·28·28 = 476,672"),
        (CONV1, "parameters", 470_400, "weights-at-every-position", "5·5·3·8·28·28 = 470,400"),
        (GROUPED, "parameters", 614_656, "groups-ignored", "(5·5·96 + 1)·256 = 614,656"),
        (GROUPED, "parameters", 61_696, "kernel-side-not-squared", "(5·48 + 1)·256 = 61,696"),
        (GROUPED, "parameters", 319_488, "bias-for-every-input-channel", "(5·5 + 1)·48·256 = 319,488"),
        (BARE, "parameters", 36_928, "bias-though-there-is-none", "(3·3·64 + 1)·64 = 36,928"),
        (BARE, "parameters", 576, "input-channels-left-out", "3·3·64 = 576"),
        (FC3, "parameters", 48_001, "one-bias-for-the-layer", "400·120 + 1 = 48,001"),
        (FC3, "parameters", 48_000, "bias-left-out", "400·120 = 48,000"),
        (FC3, "parameters", 48_240, "bias-counted-twice", "(400 + 2)·120 = 48,240"),
        (FC3, "parameters", 48_400, "bias-for-every-input", "400·(120 + 1) = 48,400"),
        (FC3, "parameters", 3_120, "flatten-mistaken", "(5·5 + 1)·120 = 3,120"),
        (FC3, "parameters", 3_001, "flatten-mistaken", "5·5·120 + 1 = 3,001"),
        (FC3, "parameters", 3_000, "flatten-mistaken", "5·5·120 = 3,000"),
        (FC3, "parameters", 9_720, "flatten-mistaken", "(5·16 + 1)·120 = 9,720"),
        (FC3, "parameters", 2_040, "flatten-mistaken", "(16 + 1)·120 = 2,040"),
        (FC3, "parameters", 401, "filters-left-out", "400 + 1 = 401"),
        (FC3, "parameters", 520, "sum-for-product", "400 + 120 = 520"),
        (BARE_FC, "parameters", 10_164, "bias-though-there-is-none", "(120 + 1)·84 = 10,164"),
        (NORM, "parameters", 256, "statistics-counted-as-parameters", "4·64 = 256"),
        (NORM, "parameters", 64, "bias-left-out", "64"),
        (NORM, "parameters", 401_408, "norm-at-every-position", "2·56·56·64 = 401,408"),
        (KERAS_NORM, "parameters", 128, "statistics-left-out", "2·64 = 128"),
        (POOL, "parameters", 40, "pooling-given-parameters", "(2·2 + 1)·8 = 40"),
        (POOL, "parameters", 32, "pooling-given-parameters", "2·2·8 = 32"),
        (POOL, "parameters", 33, "pooling-given-parameters", "2·2·8 + 1 = 33"),
        (POOL, "parameters", 264, "pooling-given-parameters", "(2·2·8 + 1)·8 = 264"),
        (POOL, "parameters", 256, "pooling-given-parameters", "2·2·8·8 = 256"),
        (POOL, "parameters", 5, "pooling-given-parameters", "2·2 + 1 = 5"),
        (POOL, "parameters", 4, "pooling-given-parameters", "2·2 = 4"),
        (POOL, "parameters", 16, "pooling-given-parameters", "2·8 = 16"),
        (POOL, "parameters", 8, "pooling-given-parameters", "8"),
        (RELU, "parameters", 6_272, "parameters-where-there-are-none", "28·28·8 = 6,272"),
        (RELU, "parameters", 8, "parameters-where-there-are-none", "8"),
        (RELU, "parameters", 16, "parameters-where-there-are-none", "2·8 = 16"),
        (CONV1, "macs", 940_800, "flops-for-macs", "2·5·5·3·8·28·28 = 940,800"),
        (CONV1, "macs", 476_672, "bias-counted-in-macs", "(5·5·3 + 1)·8·28·28 = 476,672"),
        (CONV1, "macs", 947_072, "flops-for-macs", "(2·5·5·3 + 1)·8·28·28 = 947,072"),
        (CONV1, "macs", 600, "positions-left-out", "5·5·3·8 = 600"),
        (CONV1, "macs", 608, "positions-left-out", "(5·5·3 + 1)·8 = 608"),
        (CONV1, "macs", 156_800, "input-channels-left-out", "5·5·8·28·28 = 156,800"),
        (CONV1, "macs", 58_800, "filters-left-out", "5·5·3·28·28 = 58,800"),
        (CONV1, "macs", 94_080, "kernel-side-not-squared", "5·3·8·28·28 = 94,080"),
        (CONV1, "macs", 235_200, "macs-halved", "5·5·3·8·28·28/2 = 235,200"),
        (GROUPED, "macs", 447_897_600, "groups-ignored", "5·5·96·256·27·27 = 447,897,600"),
        (STRIDED, "macs", 472_055_808, "stride-or-padding-ignored", "7·7·3·64·224·224 = 472,055,808"),
        (FC3, "macs", 96_000, "flops-for-macs", "2·400·120 = 96,000"),
        (FC3, "macs", 48_120, "bias-counted-in-macs", "(400 + 1)·120 = 48,120"),
        (FC3, "macs", 96_120, "flops-for-macs", "(2·400 + 1)·120 = 96,120"),
        (POOL, "macs", 6_272, "pooling-given-macs", "2·2·14·14·8 = 6,272"),
        (POOL, "macs", 1_568, "macs-where-there-are-none", "14·14·8 = 1,568"),
        (NORM, "macs", 401_408, "macs-where-there-are-none", "2·56·56·64 = 401,408"),
        (CONV1, "activation_size", 784, "channels-left-out", "28·28 = 784"),
        (CONV1, "activation_size", 224, "side-not-squared", "28·8 = 224"),
        (CONV1, "activation_size", 3_072, "input-for-output", "32·32·3 = 3,072"),
        (CONV1, "activation_size", 2_352, "input-channels-for-filters", "28·28·3 = 2,352"),
        (CONV1, "activation_size", 64, "sum-for-product", "28 + 28 + 8 = 64"),
        (CONV1, "activation_size", 25_088, "bytes-for-values", "4·28·28·8 = 25,088"),
        (FC3, "activation_size", 400, "input-for-output", "5·5·16 = 400"),
        (OBLONG, "parameters", 69_920, "weights-at-every-position", "(5·3·3 + 1)·5·8·38 = 69,920"),
        (OBLONG, "parameters", 80, "input-channels-left-out", "(5·3 + 1)·5 = 80"),
        (OBLONG, "macs", 180_000, "stride-or-padding-ignored", "5·3·3·5·20·40 = 180,000"),
        (OBLONG, "activation_size", 304, "channels-left-out", "8·38 = 304"),
        (OBLONG, "activation_size", 40, "side-not-squared", "8·5 = 40"),
        (OBLONG, "activation_size", 51, "sum-for-product", "8 + 38 + 5 = 51"),
        (OBLONG_FC, "parameters", 650, "flatten-mistaken", "(4·16 + 1)·10 = 650"),
        (OBLONG_FC, "parameters", 290, "flatten-mistaken", "(4·7 + 1)·10 = 290"),
        (BARE_GROUPED, "parameters", 48, "kernel-side-not-squared", "3·2·8 = 48"),
        (BARE_GROUPED, "parameters", 288, "groups-ignored", "3·3·4·8 = 288"),
        (BARE_MAP_FC, "parameters", 250, "flatten-mistaken", "5·5·10 = 250"),
        (BARE_MAP_FC, "parameters", 400, "filters-left-out", "400"),
        (GROUPED, "macs", 44_789_760, "kernel-side-not-squared", "5·48·256·27·27 = 44,789,760"),
        (OBLONG, "parameters", 80, "kernel-side-not-squared", "(5·3 + 1)·5 = 80"),
        (OBLONG, "parameters", 75, "kernel-side-not-squared", "5·3·5 = 75"),
        (OBLONG, "macs", 22_800, "kernel-side-not-squared", "5·3·5·8·38 = 22,800"),
        (GROUPED, "parameters", 61_440, "kernel-side-not-squared", "5·48·256 = 61,440"),
        (BARE_GROUPED, "parameters", 152, "bias-though-there-is-none", "(3·3·2 + 1)·8 = 152"),
        (INPUT, "activation_size", 1_024, "channels-left-out", "32·32 = 1,024"),
    ],
)  # fmt: skip
def test_a_mistaken_number_has_its_formula(
    layer: LayerSpec, quantity: Quantity, value: int, mistake: str, formula: str
) -> None:
    found = [(made.mistake, made.formula) for made, number in number_mistakes(layer, quantity) if number == value]
    assert (mistake, formula) in found


@pytest.mark.parametrize(
    ("layer", "shape", "mistake"),
    [
        (STRIDED, (64, 224, 224), "stride-ignored"), (STRIDED, (64, 109, 109), "padding-ignored"),
        (STRIDED, (64, 111, 111), "padding-ignored"), (STRIDED, (64, 113, 113), "rounded-up"),
        (STRIDED, (64, 111, 111), "plus-one-left-out"), (STRIDED, (3, 112, 112), "channels-kept"),
        (STRIDED, (192, 112, 112), "channels-multiplied"), (STRIDED, (3, 224, 224), "input-for-output"),
        (CONV1, (8, 32, 32), "kernel-ignored"), (CONV1, (8, 27, 27), "plus-one-left-out"),
        (OBLONG, (5, 16, 38), "stride-ignored"), (OBLONG, (5, 9, 38), "rounded-up"),
        (OBLONG, (5, 10, 40), "kernel-ignored"),
        (OVERLAPPING, (64, 56, 56), "rounded-up"), (OVERLAPPING, (64, 56, 56), "kernel-ignored"),
        (OVERLAPPING, (32, 55, 55), "channels-reduced-by-pooling"), (OVERLAPPING, (64, 110, 110), "stride-ignored"),
        (LayerSpec("pooling", (64, 112, 112), kernel=(3, 3), stride=(2, 2), rounds_up=True), (64, 55, 55),
         "rounded-down"),
        (LayerSpec("pooling", (64, 7, 7), kernel=(2, 2), stride=(3, 3)), (64, 2, 2), "kernel-ignored"),
        (FLATTEN, (25,), "flatten-mistaken"), (FLATTEN, (80,), "flatten-mistaken"),
        (FLATTEN, (16,), "flatten-mistaken"),
        (FC3, (16, 5, 5), "input-for-output"),
        (ODD, (64, 111, 111), "padding-ignored"), (UNPADDED, (64, 113, 113), "kernel-ignored"),
        (SAME, (8, 2, 2), "padding-ignored"), (SAME, (8, 3, 3), "padding-ignored"),
        (EVEN, (64, 112, 112), "kernel-ignored"), (ONE_PAD, (4, 7, 7), "padding-ignored"),
        (ONE_PAD, (4, 8, 8), "padding-ignored"), (FLAT_PAD, (4, 7, 7), "padding-ignored"),
        (FLAT_PAD, (4, 7, 8), "padding-ignored"),
        (LayerSpec("pooling", (9, 8, 8), kernel=(2, 2), stride=(2, 1)), (4, 4, 7), "channels-reduced-by-pooling"),
        (replace(SAME, input=(3, 9, 9), stride=(1, 1)), (8, 7, 7), "padding-ignored"),
        (replace(ONE_PAD, input=(3, 8, 8), stride=(3, 3), padding=(0, 0)), (4, 3, 3), "kernel-ignored"),
        (PADDED_POOL, (64, 4, 4), "rounded-down"),
        (OBLONG_MAP, (28,), "flatten-mistaken"), (OBLONG_MAP, (64,), "flatten-mistaken"),
    ],
)  # fmt: skip
def test_a_mistaken_shape_is_made_by_its_formula(layer: LayerSpec, shape: tuple[int, ...], mistake: str) -> None:
    assert mistake in [made.mistake for made, found in shape_mistakes(layer) if found == shape]


@pytest.mark.parametrize("layer", [BARE, BARE_FC, BARE_MAP_FC])
def test_no_bias_is_counted_in_the_macs_of_a_layer_without(layer: LayerSpec) -> None:
    right = layer.filters * (layer.output_side[0] * layer.output_side[1])
    found = {made.mistake: value for made, value in number_mistakes(layer, "macs")}
    macs = facts_of_layer(layer)[0]["macs"]
    assert "bias-counted-in-macs" not in found
    assert isinstance(macs, int)
    assert 2 * macs + right not in [value for _, value in number_mistakes(layer, "macs")]


def test_a_shape_s_mistake_says_the_formula_of_what_is_wrong() -> None:
    texts = {made.mistake: made.formula for made, _ in shape_mistakes(OBLONG)}
    assert texts["rounded-up"] == "⌈(20 + 2·0 − 5)/2⌉ + 1, ⌈(40 + 2·0 − 3)/1⌉ + 1"
    assert texts["channels-kept"] == "3"
    assert texts["channels-multiplied"] == "3·5"
    assert {made.formula for made, _ in shape_mistakes(FLATTEN)} == {"5", "5·5", "5·16", "16"}
    sentences = {made.mistake: made.sentence for made, _ in shape_mistakes(OBLONG)}
    assert sentences["channels-kept"] == "the output has a channel for each filter"


def test_a_mistake_never_gives_an_empty_shape() -> None:
    whole = LayerSpec("convolution", (3, 5, 5), channels=4, kernel=(5, 5), padding=(0, 2))
    found = [shape for _, shape in shape_mistakes(whole)]
    assert all(extent > 0 for shape in found for extent in shape)
    assert (4, 1, 1) in found  # without its padding


@pytest.mark.parametrize("layer", [CONV1, STRIDED, GROUPED, BARE, OBLONG, FC3, BARE_FC, NORM, KERAS_NORM, POOL, RELU])
def test_no_mistake_gives_the_right_parameters(layer: LayerSpec) -> None:
    right = facts_of_layer(layer)[0]["parameters"]
    assert right not in [number for _, number in number_mistakes(layer, "parameters")]


@pytest.mark.parametrize("layer", [CONV1, STRIDED, OBLONG, POOL, OVERLAPPING, FLATTEN])
def test_no_mistake_gives_the_right_shape(layer: LayerSpec) -> None:
    made = [(mistake.mistake, shape) for mistake, shape in shape_mistakes(layer) if shape == layer.output]
    assert [name for name, _ in made if name not in {"kernel-ignored", "rounded-up"}] == []  # these may agree by chance


@pytest.mark.parametrize(
    ("claimed", "right", "found"),
    [
        (608, 618, {"product-slip"}), (508, 608, {"product-slip"}), (3116, 3216, {"product-slip"}),
        (10_614, 10_164, {"digits-exchanged"}),
        (608, 608_000, {"zero-slip"}), (608_000, 608, {"zero-slip"}), (60_800, 608, {"zero-slip"}),
        (608, 6_080_000, set()),
        (2_990, 3_000, {"product-slip"}),
        (48_210, 48_120, {"digits-exchanged", "product-slip"}), (37_970, 36_970, {"product-slip"}),
        (2_990, 3_010, {"product-slip"}), (480, 4_800, {"zero-slip", "digit-lost"}), (48_000, 480, {"zero-slip"}),
        (1_064, 10_164, {"digit-lost"}), (10_064, 1_064, {"digit-lost", "product-slip"}), (48_001, 48_120, set()),
        (208, 1_000, set()), (608, 616, {"digit-lost"} - {"digit-lost"}), (5, 0, set()),
    ],
)  # fmt: skip
def test_slips_lie_between_two_numbers(claimed: int, right: int, found: set[str]) -> None:
    assert {slip.mistake for slip in slips(claimed, right, product=True)} == found


@pytest.mark.parametrize(
    ("claimed", "right", "found"),
    [
        (618, 608, ["digit-wrong", "carry-lost"]),
        (2_990, 3_000, ["carry-lost"]),
        (-608, 608, ["sign-wrong"]),
        (-68, 608, []),
    ],
)
def test_only_a_product_has_a_product_slip_and_a_sign_is_no_digit(claimed: int, right: int, found: list[str]) -> None:
    assert [slip.mistake for slip in slips(claimed, right)] == found


def wrong(rows: str, columns: str = "shape\tsize\tparameters") -> list[tuple[str, str | None]]:
    report = checked(rows, columns)
    return [(cell.row, cell.mistake) for cell in report.wrong]


def checked(rows: str, columns: str = "shape\tsize\tparameters") -> CheckReport:
    return check(parse_table(f"layer\t{columns}\n{rows}"))


NET = "Input\t(32,32,3)\t3072\t0\nCONV (f=5, s=1, p=0)\t(28,28,8)\t6272\t608\nPOOL\t(14,14,8)\t1568\t0\n"


def test_any_count_at_a_pooling_is_a_count_where_there_is_none() -> None:
    assert wrong(NET.replace("1568\t0", "1568\t7777")) == [("POOL", "pooling-given-parameters")]
    assert wrong(NET + "ReLU\t(14,14,8)\t1568\t77\n") == [("ReLU", "parameters-where-there-are-none")]


def test_a_layer_left_at_zero_is_named() -> None:
    assert wrong(NET.replace("608", "0")) == [("CONV (f=5, s=1, p=0)", "left-at-zero")]


def test_a_value_copied_from_the_row_above_is_named() -> None:
    rows = NET + "FC1\t(120,1)\t120\t188280\nFC2\t(84,1)\t84\t188280\n"
    assert wrong(rows) == [("FC2", "copied-from-another-row")]


def test_a_map_flattened_before_its_pooling_is_named() -> None:
    (cell,) = checked(NET + f"FC1\t(10,1)\t10\t{(28 * 28 * 8 + 1) * 10}\n").wrong
    assert cell.explanation is not None
    assert (cell.mistake, cell.explanation.formula) == ("flatten-mistaken", "(6272 + 1)·10 = 62,730")
    assert "input of 'POOL' is flattened" in cell.explanation.sentence


def test_1024_units_for_1000() -> None:
    (cell,) = checked(NET + f"FC\t(1000,1)\t1000\t{1569 * 1024}\n").wrong
    assert (cell.mistake, cell.correct) == ("1024-for-1000", 1_569_000)


def test_kibi_for_kilo() -> None:
    assert wrong(NET + "FC\t(10,1)\t10\t15.69K\n") == []
    assert wrong(NET + "FC\t(10,1)\t10\t15.32K\n") == [("FC", "1024-for-1000")]


def test_a_wrong_size_is_passed_on_to_the_dense_layer() -> None:
    rows = NET.replace("1568", "1586") + f"FC\t(10,1)\t10\t{1587 * 10}\n"
    report = checked(rows)
    assert [(cell.row, cell.mistake) for cell in report.wrong] == [("POOL", "digits-exchanged"), ("FC", "passed-on")]
    assert report.wrong[1].explanation is not None
    assert "wrong size 1,586 of 'POOL'" in report.wrong[1].explanation.sentence
    assert (report.to_json()["wrong"], report.to_json()["passed_on"]) == (2, 1)


def test_a_mistake_on_top_of_a_passed_on_shape_is_still_named() -> None:
    rows = NET.replace("(14,14,8)\t1568", "(13,13,8)\t1352") + f"FC\t(10,1)\t10\t{13 * 13 * 8 * 10 + 1}\n"
    rows = rows.replace("POOL", "POOL (f=2, s=2, p=0)")
    found = dict(wrong(rows))
    assert found["FC"] == "one-bias-for-the-layer"


TOTAL = "CONV (f=5, s=1)\t(28,28,8)\t608\t470400\nside conv (f=1)\t(28,28,4)\t36\t25088\n"


@pytest.mark.parametrize(
    ("parameters", "macs", "found"),
    [
        ("644", "495488", []),
        ("644", "470400", [("Total", "side-branches-in-one-column")]),
        ("608", "470400", [("Total", "side-branches-left-out"), ("Total", "side-branches-left-out")]),
        ("632", "495488", [("Total", "bias-left-out")]),
        ("36", "495488", [("Total", "row-left-out")]),
        ("644", "990976", [("Total", "flops-for-macs")]),
        ("654", "495488", [("Total", "digit-wrong")]),
    ],
)
def test_totals(parameters: str, macs: str, found: list[tuple[str, str]]) -> None:
    rows = f"Input\t(32,32,3)\t0\t0\n{TOTAL}Total\t-\t{parameters}\t{macs}\n"
    assert wrong(rows, "shape\tparameters\tMACs") == found


def test_a_total_of_wrong_numbers_is_passed_on() -> None:
    rows = "Input\t(32,32,3)\t0\nCONV (f=5, s=1)\t(28,28,8)\t208\nTotal\t-\t208\n"
    assert wrong(rows, "shape\tparameters") == [("CONV (f=5, s=1)", "input-channels-left-out"), ("Total", "passed-on")]


def test_statistics_in_a_total() -> None:
    rows = "Input\t(32,32,3)\t0\nCONV (f=5, s=1)\t(28,28,8)\t608\nBN\t(28,28,8)\t16\nTotal\t-\t640\n"
    assert wrong(rows, "shape\tparameters") == [("Total", "statistics-counted-as-parameters")]


def test_flops_and_macs_are_told_apart_at_printed_precision() -> None:
    rows = "Input\t(224,224,3)\t0\nconv1 (f=7, s=2, p=3)\t(112,112,64)\t{}\n"
    assert wrong(rows.format("117M"), "shape\tMACs") == [("conv1 (f=7, s=2, p=3)", None)]
    assert wrong(rows.format("0.11G"), "shape\tMACs") == []  # cut off, as papers do, too
    assert wrong(rows.format("118M"), "shape\tMACs") == []  # 118,013,952: He et al. 2015, the first row of Table 1
    assert wrong(rows.format("0.24G"), "shape\tMACs") == [("conv1 (f=7, s=2, p=3)", "flops-for-macs")]
