"""The commands that count, explain and check, as their user meets them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import torch
from tests.conftest import Said

from convstudy.zoo import build

Convstudy = Callable[..., Said]

CLAIMED = """layer\tActivation shape\tActivation Size\t# parameters
Input\t(32,32,3)\t3,072\t0
CONV1 (f=5, s=1)\t(28,28,8)\t6,272\t208
POOL1\t(14,14,8)\t1,568\t0
FC2\t(10,1)\t10\t15,690
"""


@pytest.fixture
def table(tmp_path: Path) -> str:
    (tmp_path / "table.tsv").write_text(CLAIMED)
    return "table.tsv"


def test_a_wrong_number_is_found_its_mistake_named_and_the_status_is_1(convstudy: Convstudy, table: str) -> None:
    said = convstudy("check", table)
    assert said.status == 1
    assert "(5·5·3 + 1)·8 = 608" in said.out
    assert "(input-channels-left-out)" in said.out.replace("\n", "")
    assert "1 of 12 cells wrong" in said.out


def test_the_report_of_a_check_is_json(convstudy: Convstudy, table: str) -> None:
    report = json.loads(convstudy("check", table, "--format", "json").out)
    assert report["wrong"] == 1
    [wrong] = [cell for cell in report["cells"] if cell["holds"] is False]
    assert (wrong["claimed"], wrong["correct"], wrong["mistake"]) == (208, 608, "input-channels-left-out")


def test_a_table_is_checked_against_a_network(convstudy: Convstudy, tmp_path: Path) -> None:
    (tmp_path / "net.csv").write_text("layer,parameters\nconv1,456\nconv2,2416\nfc1,48120\nfc2,10164\nfc3,850\n")
    assert convstudy("check", "net.csv", "--model", "net").status == 0
    (tmp_path / "net.csv").write_text("layer,parameters\nconv1,456\nconv2,2400\nfc1,48120\nfc2,10164\nfc3,850\n")
    said = convstudy("check", "net.csv", "--model", "net")
    assert said.status == 1
    assert "(bias-left-out)" in said.out.replace("\n", "")


def test_the_network_of_a_table_is_printed_as_a_module(convstudy: Convstudy, table: str) -> None:
    names: dict[str, type[torch.nn.Module]] = {}
    exec(convstudy("build", table).out, names)
    network = names["Net"]()
    assert sum(parameter.numel() for parameter in network.parameters()) == 608 + 15_690
    assert network(torch.zeros(1, 3, 32, 32)).shape == (1, 10)


@pytest.mark.parametrize("content", ["", "word\n", "\0\1\2\3" * 50], ids=["empty", "one word", "binary"])
def test_what_is_no_table_gets_one_line(convstudy: Convstudy, tmp_path: Path, content: str) -> None:
    (tmp_path / "odd.tsv").write_text(content)
    said = convstudy("check", "odd.tsv")
    assert said.status == 2
    assert said.err.startswith("error: ")
    assert said.err.count("\n") == 1


def test_a_layer_is_explained_with_its_numbers_put_in(convstudy: Convstudy) -> None:
    said = convstudy("explain", "lecture", "conv1")
    assert said.status == 0
    assert "parameters: (5·5·3 + 1)·8 = 608" in said.out
    assert "output height and width: ⌊(32 + 2·0 − 5)/1⌋ + 1 = 28" in said.out
    assert max(map(len, said.out.splitlines())) <= 80
    assert convstudy("explain", "lecture", "conv9").err == "error: no layer is named 'conv9'; did you mean 'conv2'?\n"


def test_trends_name_the_layers_where_they_do_not_hold(convstudy: Convstudy) -> None:
    said = convstudy("trends", "lecture", "resnet18")
    assert said.status == 0
    assert "pooling layers have no parameters: holds" in said.out
    assert "conv1 has 6,272, input 3,072" in said.out
    assert said.out.count("the number of channels rises with depth: holds") == 2


def test_a_summary_is_data_for_programs(convstudy: Convstudy, tmp_path: Path) -> None:
    table = json.loads(convstudy("summary", "resnet50-v1", "--format", "json").out)
    assert table["totals"]["macs"] == 3_857_973_248  # prints as the paper's 3.8 x 10^9
    assert table["uncounted"] == []
    (tmp_path / "net.csv").write_text(convstudy("summary", "net", "--format", "csv").out)
    assert pd.read_csv(tmp_path / "net.csv")["parameters"].sum() == 62_006
    assert (
        convstudy("summary", "net", "--format", "html").out.count("<tr") == 2 + 13
    )  # two of heads, thirteen of layers


def test_collections_and_weights_are_opened_by_name(convstudy: Convstudy, tmp_path: Path) -> None:
    counted = json.loads(convstudy("summary", "torchvision:resnet34", "--format", "json").out)
    assert counted["totals"]["parameters"] == 21_797_672
    torch.save(build("net", num_classes=10, in_channels=3).state_dict(), tmp_path / "net.pth")
    assert convstudy("summary", "net@net.pth").status == 0
    assert convstudy("summary", "net@gone.pth").err == "error: gone.pth is not there; expected a file of weights\n"
    assert "did you mean 'resnet34'" in convstudy("summary", "torchvision:resnet3A").err
