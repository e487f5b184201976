# ruff: noqa: E501 - the rows of tables are as long as they are printed
"""Only the guilty cell is accused: right tables hold, and what a table does not determine is unknown."""

from __future__ import annotations

import pytest

from convstudy.claims import parse_table
from convstudy.claims.checking import CheckReport, check

Cell = tuple[str, str]  # the beginning of the row's label, and the quantity
HEADER = "layer\tshape\tparams\n"


def report_on(text: str) -> CheckReport:
    return check(parse_table(text))


def cells(report: CheckReport, *, holds: bool | None) -> list[Cell]:
    return [(cell.row, cell.quantity) for cell in report.cells if cell.holds is holds]


RIGHT = {
    "activation functions in brackets": "Input\t32x32x3\t0\nConv2D 5x5 (ReLU)\t28x28x8\t608\nMaxPooling 2x2\t14x14x8\t0\nDense (ReLU)\t120\t188280\n",
    "a dense layer and dropout in a row": "Input\t(128,1)\t0\nDense(64) + Dropout(0.3)\t(64,1)\t8256\n",  # (128 + 1)·64
    "a convolution, its norm and activation in a row": "Input\t(32,32,3)\t0\nConv 3x3, 16 + BN + ReLU\t(32,32,16)\t480\n"
    "Conv 3x3, 16 → BN → ReLU\t(32,32,16)\t2352\n",  # (27 + 1)·16 + 2·16, (144 + 1)·16 + 2·16
    "a convolution and its pooling in a row": "Input\t(32,32,1)\t0\nConv 5x5, 6 filters + MaxPool 2x2\t(14,14,6)\t156\n"
    "Conv 5x5, 16 filters + MaxPool 2x2\t(5,5,16)\t2416\nFC\t(120,1)\t48120\n",
    "groups that are not stated": "Input\t(27,27,96)\t0\nconv2 (f=5)\t(27,27,256)\t307456\npool (f=3, s=2)\t(13,13,256)\t0\n"
    "conv3 (f=3)\t(13,13,384)\t885120\nconv4 (f=3)\t(13,13,384)\t663936\nconv5 (f=3)\t(13,13,256)\t442624\n",
    "a table without biases": "Input\t(32,32,3)\t0\nconv (f=3, p=1)\t(32,32,16)\t432\npool\t(16,16,16)\t0\n"
    "conv (f=3, p=1)\t(16,16,32)\t4608\npool\t(8,8,32)\t0\nFC\t(10,1)\t20480\nTotal\t\t25520\n",
    "pooling that is not listed": "Input\t(28,28,1)\t0\nconv1 (f=5)\t(24,24,10)\t260\nconv2 (f=5)\t(8,8,20)\t5020\n"
    "fc1\t(50,1)\t16050\nfc2\t(10,1)\t510\n",
    "maps that are not square": "Input\t(48,64,3)\t0\nconv 3x3, p=1\t(48,64,16)\t448\npool 2x2\t(24,32,16)\t0\n"
    "conv 3x3, p=1\t(24,32,32)\t4640\n",
    "a dense layer on a map": "Input\t(7,5,128)\t0\nDense\t(7,5,10)\t1290\n",  # (128 + 1)·10 at every position
    "constructor calls as labels": "Input\t(28,28,1)\t0\nConv2D(32, (3, 3))\t(26,26,32)\t320\nMaxPooling2D((2, 2))\t(13,13,32)\t0\n"
    "Flatten()\t5408\t0\nDense(10)\t10\t54090\n",
    "recurrent layers": "Embedding (500 x 64)\t(100,64)\t32000\nLSTM (128 units)\t(128,1)\t98816\nDense\t(10,1)\t1290\n",
    "a transposed convolution": "Input\t(8,8,64)\t0\nConvTranspose 2x2, stride 2, 32 filters\t(16,16,32)\t8224\n",
    "work in cells": "Input\t$32 \\times 32 \\times 3$\t0\nCONV1 (f=5, s=1)\t(28,28,8)\t(5*5*3+1)*8=608\nPOOL\t(14,14,8)\t0\n"
    "CONV2 (f=5, s=1)\t(10,10,16)\t3216 =(5*5*8+1)*16\nPOOL\t(5,5,16)\t0\nFC\t(120,1)\t48,120 (400*120 + 120)\n",
}  # fmt: skip


@pytest.mark.parametrize("rows", RIGHT.values(), ids=RIGHT)
def test_a_right_table_holds_in_every_cell(rows: str) -> None:
    report = report_on(HEADER + rows)
    assert (cells(report, holds=False), cells(report, holds=None)) == ([], [])
    assert [cell.mistake for cell in report.cells if cell.mistake] == []


COLUMNS = {
    "rounded thousands": "layer\tshape\tsize\nInput\t(224,224,3)\t150K\nCONV3-64\t(224,224,64)\t3.2M\nPOOL2\t(112,112,64)\t800K\n",
    "a unit in the header": "layer\tshape\tGMACs\nInput\t(224,224,3)\t0\nconv (f=7, s=2, p=3)\t(112,112,64)\t0.118\n",
    "operations": "layer\tshape\tFLOPs\nInput\t(32,32,3)\t0\nconv (f=5)\t(28,28,8)\t940,800\nFC\t(10,1)\t125,440\n",
    "a column of dilations": "layer\tkernel\tdilation\tshape\tparams\nInput\t\t\t(32,32,3)\t0\nconv1\t3\t2\t(28,28,8)\t224\n"
    "conv2\t3\t4\t(20,20,8)\t584\n",
    "row numbers, sizes that are shapes, functions, a total anywhere": "#\tLayer\tSize\tActivation\tParameters\n1\tInput\t32x32x3\t-\t0\n"
    "2\tConv 5x5, 8 filters\t28x28x8\tReLU\t608\n3\tMaxPool 2x2\t14x14x8\t-\t0\n4\tDense\t10\tSoftmax\t15690\n\t\t\tTotal\t16298\n",
    "percentages": "Layer\tOutput Size\tParams\t%\nInput\t3x32x32\t0\t0%\nConv 5x5\t8x28x28\t608 (3.7%)\t3.7%\nPool\t8x14x14\t0\t0%\n",
    "weights and biases": "layer\tshape\tweights\tbiases\tparameters\nInput\t(28,28,1)\t0\t0\t0\nConv 5x5\t(24,24,6)\t150\t6\t156\n",
    "the shape in the input's label": "layer\tparams\nInput 32x32x3\t0\nConv 5x5, 8 filters, stride 1\t608\nPool 2x2\t0\nFC 10 units\t15690\n",
    "channels and sides apart": "Layer\tFeature maps\tSize\tKernel size\tParams\nInput\t1\t32x32\t-\t0\nC1 conv\t6\t28x28\t5x5\t156\n"
    "S2 pool\t6\t14x14\t2x2\t0\nC3 conv\t16\t10x10\t5x5\t2416\nF6 FC\t-\t84\t-\t134484\n",
    "German": "Schicht\tAusgabeform\tAnzahl Parameter\nEingabe\t32x32x3\t0\nFaltung 5x5, 8 Filter\t28x28x8\t608\nSumme\t\t608\n",
    "French": "Couche\tTaille de sortie\tNombre de paramètres\nEntrée\t32x32x3\t0\nConvolution 5x5\t28x28x8\t608\n",
    "Spanish": "Capa\tForma de salida\tParámetros\nEntrada\t32x32x3\t0\nConvolución 5x5\t28x28x8\t608\n",
    "Chinese": "层\t输出形状\t参数数量\n输入\t32x32x3\t0\n卷积 5x5\t28x28x8\t608\n最大池化\t14x14x8\t0\n全连接\t10\t15690\n总计\t\t16298\n",
    "MATLAB": "Name\tType\tActivations\tLearnables\tTotal Learnables\nin\tImage Input\t28(S) x 28(S) x 1(C) x 1(B)\t-\t0\n"
    "conv\tConvolution\t24(S) x 24(S) x 20(C) x 1(B)\tWeights 5x5x1x20 Bias 1x1x20\t520\n",
}  # fmt: skip


@pytest.mark.parametrize("text", COLUMNS.values(), ids=COLUMNS)
def test_a_usual_form_is_read_and_holds(text: str) -> None:
    report = report_on(text)
    assert (cells(report, holds=False), cells(report, holds=None)) == ([], [])
    assert len(report.cells) >= 3


def test_kinds_without_a_formula_are_unknown_and_what_follows_is_checked() -> None:
    rows = "Input\t(32,32,3)\t0\nReshape\t(1024,3)\t0\nself-attention block\t(1024,3)\t4,444\nConv3D\t(5,5,5,8)\t224\nFC\t(10,1)\t10010\n"
    report = report_on(HEADER + rows)
    assert cells(report, holds=False) == []
    assert ("self-attention block", "parameters") in cells(report, holds=None)
    assert ("Conv3D", "parameters") in cells(report, holds=None)


def test_an_unreadable_cell_is_unknown_with_its_reason() -> None:
    report = report_on(HEADER + "Input\t(32,32,3)\t0\nCONV1 (f=5)\t(28,28,8)\ttoo many\n")
    (unknown,) = [cell for cell in report.cells if cell.holds is None]
    assert (unknown.row, unknown.claimed, "too many" in unknown.reason) == ("CONV1 (f=5)", "too many", True)
    assert report.to_json()["unknown"] == 1


def test_where_some_layers_state_padding_the_others_have_none() -> None:
    rows = "Input\t(32,32,3)\t0\nconv1 (f=3, p=1)\t(32,32,8)\t224\nconv2 (f=3)\t(30,30,8)\t584\nconv3 (f=3)\t(30,30,8)\t584\n"
    assert cells(report_on(HEADER + rows), holds=False) == [("conv3 (f=3)", "output_shape")]


def test_settings_one_row_too_high_are_one_remark() -> None:
    text = (
        "layer\tkernel\tstride\tshape\tparams\nInput\t5\t1\t(32,32,3)\t0\nconv1\t2\t2\t(28,28,8)\t608\n"
        "pool1\t3\t1\t(14,14,8)\t0\nconv2\t2\t2\t(12,12,16)\t1168\npool2\t\t\t(6,6,16)\t0\nFC\t\t\t(10,1)\t5770\n"
    )
    report = report_on(text)
    assert cells(report, holds=False) == []
    assert any("'kernel', 'stride'" in note and "one row too high" in note for note in report.notes)


def test_a_table_without_biases_is_one_remark() -> None:
    report = report_on(HEADER + RIGHT["a table without biases"])
    assert sum("without biases" in note for note in report.notes) == 1
    changed = report_on(HEADER + RIGHT["a table without biases"].replace("4608", "4068"))
    assert [(cell.row, cell.correct, cell.mistake) for cell in changed.wrong] == [
        ("conv (f=3, p=1)", 4608, "digits-exchanged")
    ]


@pytest.mark.parametrize(
    ("cell", "correct", "mistake", "part"),
    [
        ("208 = 5*5*8 + 8", 608, "input-channels-left-out", "3"),
        ("(5*5*3+1)*8 = 618", 608, "miscalculated", "608"),
        ("(5*5*3+1)*6 = 608", 608, "work-contradicts-result", "456"),
        ("(5*5*2+1)*8", 608, "factor-wrong", "2 instead of 3"),
        ("-608", 608, "sign-wrong", ""),
    ],
)
def test_the_work_in_a_cell_is_checked_too(cell: str, correct: int, mistake: str | None, part: str) -> None:
    (wrong,) = report_on(f"{HEADER}Input\t(32,32,3)\t0\nCONV1 (f=5, s=1)\t(28,28,8)\t{cell}\n").wrong
    assert (wrong.correct, wrong.mistake) == (correct, mistake)
    assert wrong.explanation is None or part in wrong.explanation.sentence


def test_every_table_of_a_file_is_checked_and_named() -> None:
    table = "| Layer | Shape | Params |\n|---|---|---|\n| Input | 32x32x3 | 0 |\n| Conv 5x5 | 28x28x8 | {} |\n| Pool | 14x14x8 | 0 |\n| FC | 10 | 15690 |\n"
    text = (
        f"| run | accuracy |\n|---|---|\n| a | 90 |\n\n## Small\n\n{table.format(608)}\n## Large\n\n{table.format(208)}"
    )
    report = report_on(text)
    assert cells(report, holds=False) == [("Large: Conv 5x5", "parameters")]
    assert len(report.cells) == 16
    assert any("skipped" in note for note in report.notes)


KERAS = """
 Layer (type)           Output Shape         Param #   Connected to
==================================================================
 input_1 (InputLayer)   [(None, 30, 24, 3)]  0         []
 pad (ZeroPadding2D)    (None, 32, 26, 3)    0         ['input_1[0][0]']
 a (Conv2D) (None, 15, 12, 16)   448       ['pad[0][0]']
 bn_of_a (BatchNormali  (None, 15, 12, 16)   64        ['a[0][0]']
 zation)
 act (Activ             (None, 15, 12,       0         ['bn_of_a[0][0]']
 ation)                 16)
 b (Conv2D)             (None, 15, 12, 16)   2320      ['act[0][0]']
 add (Add)              (None, 15, 12, 16)   0         ['act[0][0]',
                                                        'b[0][0]']
 flatten (Flatten)      (None, 2880)         0         ['add[0][0]']
 wide (Dense)           (None, 2048)         590028    ['flatten[0][0]']
                                             8
==================================================================
Total params: 5903120
"""


def test_a_keras_printout_with_cut_and_wrapped_cells_holds() -> None:
    report = report_on(KERAS)
    assert (cells(report, holds=False), cells(report, holds=None)) == ([], [])
    assert len(report.cells) == 19


def test_a_row_of_a_block_is_unknown() -> None:
    text = (
        "        Layer (type)               Output Shape         Param #\n================\n"
        "ConvBNActivation-1         [-1, 16, 112, 112]             464\n"
        "AdaptiveAvgPool2d-2            [-1, 16, 1, 1]               0\n"
        "            Linear-3                   [-1, 10]             170\n"
    )
    report = report_on(text)
    assert cells(report, holds=False) == []
    assert [cell for cell in cells(report, holds=None) if cell[1] == "parameters"] == [
        ("ConvBNActivation-1", "parameters")
    ]


def test_shapes_and_counts_that_a_printout_cuts_off_are_unknown() -> None:
    text = (
        "Layer (type)              Output Shape     Param #   Connected to\n"
        + "=" * 70
        + "\ninput_1 (InputLayer)      (None, 224, 224, 0\nconv1 (Conv2D)            (None, 112, 112, 9472      input_1[0][0]\n"
        + "bn_conv1 (BatchNormalizat (None, 112, 112, 256       conv1[0][0]\n"
    )
    report = report_on(text)
    assert cells(report, holds=False) == []
    assert [cell.claimed.value for cell in report.cells if not isinstance(cell.claimed, str | tuple)] == [0, 9472, 256]


def test_a_total_without_the_numbers_that_it_sums_is_unknown() -> None:
    rows = "Input\t(32,32,3)\t\nconv1\t(32,32,8)\t\npool\t(16,16,8)\t\nFC\t(10,1)\t\nTotal\t\t21098\n"
    assert ("Total", "parameters") in cells(report_on(HEADER + rows), holds=None)
