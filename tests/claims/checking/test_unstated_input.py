"""The input of a table that does not print it, from the first row's numbers."""

from __future__ import annotations

import pytest

from convstudy.claims import parse_table
from convstudy.claims.checking.unstated_input import inferred_input, input_of_convolution
from convstudy.claims.printed_shape import Shape

USUAL = "the input is not stated: {} is the usual one that gives this row"
UNKNOWN = "the input's shape is not stated"


@pytest.mark.parametrize(
    ("rows", "shape", "note"),
    [
        (["Input\t(20,20,3)\t0", "CONV f=5\t(16,16,8)\t608"], (3, 20, 20), None),
        (["Input\t-\t0", "CONV f=5\t(28,28,8)\t608"], None, UNKNOWN),
        (["CONV f=5\t(28,28,8)\t608"], (3, 32, 32), USUAL.format("(32,32,3)")),
        (["CONV f=5\t-\t608"], None, UNKNOWN),
        (["CONV f=5\t(28,1)\t608"], None, UNKNOWN),
        (["pool\t(28,28,8)\t0"], None, UNKNOWN),
        (["FC\t(10,1)\t7,850"], (784,), "the input is not stated: 784 features follow from the parameters"),
        (["FC\t(10,1)\t40,970"], (4096,), "the input is not stated: 4,096 features follow from the parameters"),
        (["FC\t(10,1)\t20"], (1,), "the input is not stated: 1 features follow from the parameters"),
        (["FC\t(10,1)\t10"], None, UNKNOWN), (["FC\t(10,1)\t7,855"], None, UNKNOWN),
        (["FC\t(10,1)\t7.8K"], None, UNKNOWN), (["FC\t(10,1)\t-"], None, UNKNOWN),
        (["softmax\t(10,1)\t7,850"], None, UNKNOWN),
    ],
)  # fmt: skip
def test_the_input_that_a_table_does_not_print(rows: list[str], shape: Shape | None, note: str | None) -> None:
    assert inferred_input(parse_table("\n".join(["layer\tshape\tparameters", *rows]))) == (shape, note)


def test_a_printed_input_shape_of_the_first_layer_is_taken() -> None:
    text = "layer\tinput shape\tshape\tparameters\nCONV f=5\t(20,20,3)\t(16,16,8)\t608\n"
    assert inferred_input(parse_table(text)) == ((3, 20, 20), None)


@pytest.mark.parametrize(
    ("text", "output", "parameters", "found"),
    [  # the window is the plainest that gives the side, unless the parameters speak for another
        ("CONV f=5", (8, 28, 28), "608", (3, 32, 32)),  # 8·(5·5·3 + 1)
        ("CONV f=5", (8, 28, 28), "600", (3, 32, 32)),  # 8·5·5·3
        ("CONV f=5", (8, 28, 28), "208", (1, 32, 32)),  # 8·(5·5·1 + 1)
        ("CONV f=5", (8, 28, 28), "808", (4, 32, 32)),  # 8·(5·5·4 + 1)
        ("CONV f=5", (8, 28, 28), "-", (3, 32, 32)),
        ("CONV f=5", (8, 28, 28), "999", (3, 32, 32)),
        ("CONV f=3", (8, 28, 28), "-", (3, 28, 28)),  # padding 1; no usual side is 30
        ("CONV f=5", (8, 224, 224), "-", (3, 224, 224)),  # padding 2; none is 228
        ("CONV f=5", (8, 60, 60), "-", (3, 64, 64)),
        ("CONV", (64, 112, 112), "9,472", (3, 224, 224)),  # ResNet's first: 64·(7·7·3 + 1), stride 2, padding 3
        ("CONV", (96, 55, 55), "34,944", (3, 227, 227)),  # AlexNet's first: 96·(11·11·3 + 1), stride 4
        ("CONV", (96, 57, 57), "34,944", (3, 227, 227)),  # with padding 5
        ("CONV f=11 s=4", (96, 55, 55), "-", (3, 227, 227)),
        ("CONV f=3 s=3", (8, 10, 10), "-", (3, 32, 32)),
        ("CONV f=3 s=2", (8, 13, 13), "-", (3, 28, 28)),
        ("CONV f=28", (8, 1, 1), "-", (3, 28, 28)),
        ("CONV f=40", (8, 29, 29), "-", (3, 28, 28)),  # padding 20
        ("CONV f=5", (8, 9, 11), "-", (3, 9, 11)),  # nothing usual
        ("CONV f=3", (3, 254, 254), "84", (3, 256, 256)),
        ("CONV 5x3", (8, 28, 30), "-", (3, 32, 32)),
        ("CONV 3x3 s=2x1", (8, 13, 26), "-", (3, 28, 28)),
        ("CONV", (8, 28, 28), "608", (3, 32, 32)),
        ("CONV", (8, 28, 30), "-", (3, 28, 30)),  # 3·3, padding 1
        ("CONV f=3", (8, 32, 32), "-", (3, 32, 32)),  # not 128 with stride 4
        ("CONV", (64, 224, 224), "-", (3, 224, 224)),  # not 448 with stride 2
        ("CONV", (8, 28, 28), "16", (1, 28, 28)),  # 1·1 on one channel: 8·(1 + 1)
    ],
)
def test_the_usual_input_that_gives_a_convolution(text: str, output: Shape, parameters: str, found: Shape) -> None:
    row = parse_table(f"layer\tparameters\n{text}\t{parameters}\n").rows[0]
    assert input_of_convolution(row, output) == found
