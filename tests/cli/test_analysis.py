"""The commands that count, explain and check, as their user meets them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

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
    assert "(input-channels-left-out)" in said.out
    assert "1 of 12 cells is wrong\n" in said.out
    assert "Activation shape (all 4), Activation Size (all 4)\n" in said.out


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
    assert "conv1 has 6,272, but input has 3,072" in said.out
    assert said.out.count("the number of channels rises with depth: holds") == 2


def test_a_summary_is_data_for_programs(convstudy: Convstudy, tmp_path: Path) -> None:
    table = json.loads(convstudy("summary", "resnet50-v1", "--format", "json").out)
    assert table["totals"]["macs"] == 3_857_973_248  # prints as the paper's 3.8 x 10^9
    assert table["uncounted"] == []
    (tmp_path / "net.csv").write_text(convstudy("summary", "net", "--format", "csv").out)
    assert pd.read_csv(tmp_path / "net.csv")["parameters"].sum() == 62_006


def test_a_summary_is_part_of_a_document(convstudy: Convstudy) -> None:
    markdown = convstudy("summary", "lecture", "--format", "markdown").out.splitlines()
    assert [cell.strip() for cell in markdown[3].split("|")[1:6]] == ["conv1", "Conv2d", "8×28×28", "6,272", "608"]
    latex = convstudy("summary", "lecture", "--format", "latex").out
    assert latex.startswith("\\begin{tabular}")
    assert r"conv1 & Conv2d & 8$\times$28$\times$28 & 6,272 & 608 & 470,400 & 5 & 1 \\" in latex.splitlines()
    html = convstudy("summary", "lecture", "--format", "html").out
    assert "<td>48,120</td>" in html.replace(' class="number"', "")


def test_a_summary_is_summed_up_and_folded(convstudy: Convstudy) -> None:
    def at(*words: str) -> dict[str, Any]:
        table: dict[str, Any] = json.loads(convstudy("summary", "resnet18", *words, "--format", "json").out)
        return table

    whole, stages = at(), at("--depth", "1")
    assert stages["totals"] == whole["totals"]
    assert [layer["path"] for layer in stages["layers"]][-3:] == ["avgpool", "flatten", "fc"]
    [stage] = [layer for layer in stages["layers"] if layer["path"] == "layer1"]
    assert stage["parameters"] == 4 * (64 * 64 * 9) + 4 * 128  # four 3x3 convolutions and their batch norms
    assert at("--channels-last")["layers"][1]["output_shape"] == [112, 112, 64]
    assert "layer1.0 to layer1.1" in convstudy("summary", "resnet18", "--fold").out


def test_a_summary_in_training_mode_has_the_side_branches(convstudy: Convstudy) -> None:
    said = convstudy("summary", "googlenet", "--training")
    assert "13,378,280 parameters" in said.out
    assert "MACs in training mode" in said.out


def test_the_memory_of_training_follows_batch_and_optimizer(convstudy: Convstudy) -> None:
    def memory(*words: str) -> dict[str, int]:
        table = json.loads(convstudy("summary", "net", "--format", "json", *words).out)
        held: dict[str, int] = table["training_memory"]
        return held

    one, two = memory("-b", "1"), memory("-b", "2", "--opt", "adamw")
    assert one["weights"] == 62_006 * 4
    assert two["saved_activations"] == 2 * one["saved_activations"]
    assert (one["optimizer"], two["optimizer"]) == (62_006 * 4, 62_006 * 8)
    assert convstudy("summary", "net", "--opt", "adan").err.startswith("error: ")


def test_two_networks_layer_by_layer(convstudy: Convstudy) -> None:
    found = json.loads(convstudy("diff", "plain18", "resnet18", "--format", "json").out)
    added = [change["b"]["path"] for change in found["changes"] if change["a"] is None]
    assert [path for path in added if path.endswith("downsample.0")] == [f"layer{n}.0.downsample.0" for n in (2, 3, 4)]
    said = convstudy("diff", "plain18", "resnet18")
    assert said.status == 0
    assert max(map(len, said.out.splitlines())) <= 80
    assert "layer2.0.downsample.0" in said.out
    assert "layer1.0.conv1" not in said.out
    assert "layer1.0.conv1" in convstudy("diff", "plain18", "resnet18", "--all").out


def test_the_bottleneck_of_the_lecture(convstudy: Convstudy) -> None:
    words = ("bottleneck", "--input", "192x28x28", "--kernel", "5", "--out", "32", "--reduce", "16")
    said = convstudy(*words)
    for number in ("120,422,400", "2,408,448", "10,035,200", "12,443,648", "9.7"):
        assert number in said.out
    counted = json.loads(convstudy(*words, "--format", "json").out)
    assert (counted["direct_macs"], counted["reduced_macs"]) == (120_422_400, 12_443_648)


def test_the_layers_that_a_bottleneck_would_make_cheaper(convstudy: Convstudy) -> None:
    naive = json.loads(convstudy("bottleneck", "inception-naive", "--format", "json").out)
    direct = [layer["direct_macs"] - layer["reduced_macs"] for layer in naive["layers"]]
    assert direct == sorted(direct, reverse=True)
    assert naive["layers"][0]["kernel"] in ([3, 3], [5, 5])
    said = convstudy("bottleneck", "inception-naive", "--top", "3")
    assert said.status == 0
    assert naive["layers"][2]["path"] in said.out
    assert naive["layers"][3]["path"] not in said.out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--kernel", "5"), "--input, --out, --reduce not given; expected --input, --kernel, --out and --reduce"),
        (("net", "--kernel", "5"), "--kernel, --out and --stride"),
        (
            ("--input", "192x28x28", "--kernel", "0", "--out", "32", "--reduce", "16"),
            "got input (192, 28, 28), kernel 0",
        ),
    ],
)
def test_a_wrong_bottleneck_gets_one_line(convstudy: Convstudy, words: tuple[str, ...], message: str) -> None:
    said = convstudy("bottleneck", *words)
    assert said.status == 2
    assert said.err.startswith("error: ")
    assert message in said.err
    assert said.err.count("\n") == 1


def test_a_table_is_a_model(convstudy: Convstudy, table: str) -> None:
    counted = json.loads(convstudy("summary", f"table:{table}", "--format", "json").out)
    assert counted["totals"]["parameters"] == 608 + 15_690
    assert (
        json.loads(convstudy("summary", f"table:{table}", "--classes", "5", "--format", "json").out)["totals"][
            "parameters"
        ]
        == 608 + (1568 + 1) * 5
    )
    assert "(5·5·3 + 1)·8 = 608" in convstudy("explain", f"table:{table}", "conv1").out
    assert convstudy("summary", "table:gone.tsv").status == 2


def test_an_own_network_needs_no_sizes(convstudy: Convstudy, tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(
        "from torch import nn\n"
        "class Small(nn.Sequential):\n"
        "    def __init__(self, width=4):\n"
        "        super().__init__(nn.Conv2d(3, width, 3), nn.Flatten(), nn.Linear(width * 36, 10))\n"
        "def needs(width):\n"
        "    return nn.Conv2d(3, width, 3)\n"
    )
    said = convstudy("summary", "own.py:Small", "--input", "3x8x8", "--format", "json")
    assert json.loads(said.out)["totals"]["parameters"] == (27 + 1) * 4 + (4 * 6 * 6 + 1) * 10
    said = convstudy("summary", "own.py:needs")
    assert said.err == (
        "error: own.py:needs takes (width); expected num_classes and in_channels, and a default for width\n"
    )


def test_collections_and_weights_are_opened_by_name(convstudy: Convstudy, tmp_path: Path) -> None:
    counted = json.loads(convstudy("summary", "torchvision:resnet34", "--format", "json").out)
    assert counted["totals"]["parameters"] == 21_797_672
    torch.save(build("net", num_classes=10, in_channels=3).state_dict(), tmp_path / "net.pth")
    assert convstudy("summary", "net@net.pth").status == 0
    assert "gone.pth" in convstudy("summary", "net@gone.pth").err
    assert "did you mean 'resnet34'" in convstudy("summary", "torchvision:resnet3A").err


LOUD = """
import os
from torch import nn
import torch

print("imported")
os.system("echo started")


class Loud(nn.Module):
    def __init__(self):
        super().__init__()
        print("built")
        self.line = nn.Linear(6, 2)

    def forward(self, x):
        print("run")
        return self.line(x)


class Tokens(nn.Module):
    def __init__(self):
        super().__init__()
        self.table, self.conv = nn.Embedding(50, 4), nn.Conv2d(3, 4, 3)

    def forward(self, image, tokens, mask=None):
        found = self.table(tokens).mean(1) + self.conv(image).mean((2, 3))
        return found if mask is None else found * mask


class OnlyCounted(nn.Linear):
    def forward(self, x):
        if torch.is_grad_enabled():
            raise KeyError("not for training")
        return super().forward(x)


class Exits(nn.Linear):
    def forward(self, x):
        raise SystemExit("no GPU")


loud = Loud()
exits = Exits(6, 2)
only_counted = OnlyCounted(6, 2)
"""


@pytest.fixture
def loud(tmp_path: Path) -> str:
    (tmp_path / "loud.py").write_text(LOUD)
    return "loud.py"


@pytest.mark.parametrize("attribute", ["Loud", "loud"])
def test_what_a_network_prints_is_not_in_the_output(convstudy: Convstudy, loud: str, attribute: str) -> None:
    for words in (
        ("summary", f"{loud}:{attribute}"),
        ("diff", f"{loud}:{attribute}", f"{loud}:{attribute}"),
        ("bottleneck", f"{loud}:{attribute}"),
    ):
        said = convstudy(*words, "--input", "6", "--format", "json")
        assert said.status == 0, said.err
        assert json.loads(said.out)
        assert "run" in said.err.splitlines()
    explained = convstudy("explain", f"{loud}:{attribute}", "line", "--input", "6")
    assert explained.out.startswith("line (Linear)")


@pytest.mark.parametrize("words", [("summary",), ("explain",), ("diff", "lecture"), ("trends",), ("bottleneck",)])
def test_a_network_that_ends_the_program_gets_one_line(convstudy: Convstudy, loud: str, words: tuple[str, ...]) -> None:
    layer = ("line",) if words == ("explain",) else ()
    said = convstudy(*words, f"{loud}:exits", *layer, *(() if "diff" in words else ("--input", "6")))
    assert said.status == 2
    assert "sys.exit(no GPU)" in said.err
    assert said.err.splitlines()[-1].startswith("error: ")
    assert said.out == ""


def test_several_inputs_with_dtypes_by_position_and_by_name(convstudy: Convstudy, loud: str) -> None:
    def macs(*words: str) -> int:
        said = convstudy("summary", f"{loud}:Tokens", *words, "--format", "json")
        assert said.status == 0, said.err
        found: int = json.loads(said.out)["totals"]["macs"]
        return found

    assert macs("--input", "3x8x8", "--input", "12:int64") == 4 * 6 * 6 * 27
    assert macs("--input", "tokens=12:long", "--input", "image=3x8x8") == 4 * 6 * 6 * 27
    assert macs("--input", "(3, 8, 8)", "--input", "12:int32", "--input", "mask=4:float32") == 4 * 6 * 6 * 27
    assert convstudy("explain", f"{loud}:Tokens", "conv", "--input", "3x8x8", "--input", "12:int64").status == 0
    said = convstudy("diff", *[f"{loud}:Tokens"] * 2, "--input", "3x8x8", "--input", "12:int64", "--format", "json")
    assert json.loads(said.out)["changes"] == []


def test_a_memory_that_cannot_be_predicted_leaves_the_table(convstudy: Convstudy, loud: str) -> None:
    said = convstudy("summary", f"{loud}:only_counted", "--input", "6", "--format", "json")
    assert said.status == 0
    counted = json.loads(said.out)
    assert counted["totals"]["macs"] == 12
    assert counted["training_memory"] is None
    assert "not for training" in said.err
    assert "OnlyCounted" in convstudy("summary", f"{loud}:only_counted", "--input", "6").out


def test_networks_of_other_tasks_are_counted_explained_and_compared(convstudy: Convstudy) -> None:
    name = "torchvision:lraspp_mobilenet_v3_large"
    counted = json.loads(convstudy("summary", name, "--format", "json").out)
    assert counted["input_shapes"] == [[3, 520, 520]]
    assert round(counted["totals"]["macs"] / 1e9, 3) == 2.086  # published
    assert "MACs" in convstudy("explain", name, "backbone.0.0").out
    small = json.loads(convstudy("diff", name, name, "--input", "3x64x64", "--format", "json").out)
    assert small["changes"] == []
