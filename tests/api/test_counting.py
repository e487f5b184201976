"""The Python interface: `convstudy.NAME`, as a notebook has it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

import convstudy
from convstudy.errors import ShapeError, UnknownNameError


def test_a_network_of_ones_own_is_counted_at_an_input() -> None:
    table = convstudy.summary(nn.Sequential(nn.Conv2d(3, 8, 5), nn.Flatten(), nn.Linear(6272, 10)), (3, 32, 32))
    assert table.to_pandas()["parameters"].tolist() == [0, 608, 0, 62_730]
    assert "62,730" in table._repr_html_()
    assert "63,338" in str(table)
    assert (
        convstudy.summary(nn.Conv2d(1, 2, 3), torch.zeros(4, 1, 8, 8)).totals.macs == 4 * 2 * 6 * 6 * 9
    )  # a batch as it is


def test_a_network_by_name_has_its_papers_input() -> None:
    assert convstudy.summary("vgg16").totals.macs == 15_470_264_320
    assert convstudy.summary("resnet18", (1, 64, 64), classes=10).output_shapes == ((10,),)
    assert convstudy.network("net", channels=1)(torch.zeros(2, 1, 32, 32)).shape == (2, 10)


def test_a_layer_is_explained_in_print() -> None:
    assert "parameters: (5·5·3 + 1)·8 = 608" in str(convstudy.explain("lecture", "conv1")).splitlines()
    assert [str(trend) for trend in convstudy.trends("lecture")][2].endswith("does not hold at conv1, conv2")


def test_two_networks_are_held_beside_each_other() -> None:
    found = convstudy.diff("plain18", "resnet18")
    frame = found.to_pandas()
    assert frame["parameters"].sum() == found.b.parameters - found.a.parameters
    assert set(frame["change"]) == {"only in b"}
    assert "layer2.0.downsample.0" in str(found)
    assert "layer2.0.downsample.0" in found._repr_html_()


def test_a_claimed_table_is_checked(tmp_path: Path) -> None:
    (tmp_path / "net.csv").write_text("layer,parameters\nconv1,456\nconv2,2400\nfc1,48120\nfc2,10164\nfc3,850\n")
    report = convstudy.check(tmp_path / "net.csv", "net")
    [wrong] = report.to_pandas().query("holds == False").to_dict("records")
    assert (wrong["row"], wrong["claimed"], wrong["correct"]) == ("conv2", 2400, 2416)
    assert "bias-left-out" in str(report)
    assert "fc1" not in str(report)
    assert "bias-left-out" in report._repr_html_()


def test_a_wrong_question_gets_one_line() -> None:
    with pytest.raises(ShapeError, match=r"needs the shape of one input"):
        convstudy.summary(nn.Linear(2, 2))
    with pytest.raises(ShapeError, match="classes is 3"):
        convstudy.summary(nn.Linear(2, 2), (2,), classes=3)
    with pytest.raises(UnknownNameError, match="did you mean 'resnet34'"):
        convstudy.summary("resnet3A")


def test_importing_convstudy_imports_nothing_heavy() -> None:
    code = "import sys, convstudy; dir(convstudy); print(sorted({'torch', 'pandas', 'rich'} & set(sys.modules)))"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"
