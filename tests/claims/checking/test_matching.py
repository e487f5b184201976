"""The model's layers that a table's rows stand for, and what is right for each row."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from itertools import combinations, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torchvision.models import resnet18

from convstudy.claims import parse_table
from convstudy.claims.checking.matching import (
    aligned,
    block_named,
    facts_of_model,
    likeness,
    matched,
    row_of_model,
    table_of_model,
)
from convstudy.claims.layer_text import LayerText
from convstudy.claims.table import ClaimedRow
from tests.claims.checking.test_model import CountedLayer, against, hooked

CONV = CountedLayer("features.conv1", "Conv2d", (8, 28, 28), 6272, 608, 470_400)


@dataclass(frozen=True)
class FedLayer(CountedLayer):
    """A layer whose inputs are known, as the accounting says them."""

    input_shapes: tuple[tuple[int, ...], ...] = ()


POOL = CountedLayer("features.pool1", "MaxPool2d", (8, 14, 14), 1568, 0, 0)


def row(text: str) -> ClaimedRow:
    return parse_table(f"layer\tshape\tparameters\n{text}\n").rows[0]


def block_network() -> nn.Module:
    network = nn.Sequential()
    network.add_module("layer1", nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU()))
    network.add_module("head", nn.Conv2d(8, 4, 3))
    return network


def test_every_row_s_facts_are_those_of_its_layers() -> None:
    rows = ["Input\t(12,12,3)\t0", "layer1\t(10,10,8)\t240", "Total so far\t-\t240", "Mystery\t-\t5",
            "head (conv)\t(8,8,4)\t292", "Total\t-\t532"]  # fmt: skip
    table = parse_table("layer\tshape\tparameters\n" + "\n".join(rows))
    _, facts, notes = facts_of_model(table, hooked(block_network(), (3, 12, 12)))
    conv, norm, head = (3 * 3 * 3 + 1) * 8, 2 * 8, (3 * 3 * 8 + 1) * 4
    sums = {"activation_size": 3 * 800 + 256, "parameters": conv + norm + head, "macs": 27 * 8 * 100 + 72 * 4 * 64}
    total_facts = (None, sums, dict.fromkeys(sums, "the sum of the model's layers"), (), None)
    assert facts[4].layer is not None
    assert [(fact.layer, fact.correct, fact.formulas, fact.inputs, fact.described) for fact in facts] == [
        (None, {"activation_size": 12 * 12 * 3, "parameters": 0}, {}, (), None),
        (None, {"output_shape": (8, 10, 10), "activation_size": 800, "parameters": conv + norm, "macs": 21_600},
         {"activation_size": "10·10·8"}, (0,), None),
        total_facts,
        (None, {}, {}, (), None),
        (facts[4].layer, {"output_shape": (4, 8, 8), "activation_size": 256, "parameters": head, "macs": 18_432},
         {"output_shape": "⌊(10 + 2·0 − 3)/1⌋ + 1", "activation_size": "8·8·4", "parameters": "(3·3·8 + 1)·4",
          "macs": "3·3·8·4·8·8"}, (3,), 3),
        total_facts,
    ]  # fmt: skip
    assert [fact.row for fact in facts] == list(table.rows)
    assert notes == ("layer1 is layer1.2", "head (conv) is head", "Mystery: no layer of the model stands for this row")


def test_rows_that_no_layer_stands_for_are_each_said() -> None:
    _, facts, notes = facts_of_model(parse_table("layer\tparameters\nInput\t0\nOne\t1\nTwo\t2\n"), [CONV])
    assert notes == tuple(f"{name}: no layer of the model stands for this row" for name in ("Input", "One", "Two"))
    assert [fact.correct for fact in facts] == [{}, {}, {}]


def test_a_formula_is_said_only_where_it_gives_the_model_s_number() -> None:
    """A row whose count no formula of ours gives keeps the model's number, and the formula of its size."""
    odd = CountedLayer("pool", "MaxPool2d", (8, 20, 9), 1440, 7, 0)
    (fact,) = facts_of_model(parse_table("layer\tparameters\npool\t7\n"), [CONV, odd])[1]
    assert fact.correct["parameters"] == 7
    assert "parameters" not in fact.formulas
    assert "output_shape" not in fact.formulas
    assert fact.formulas["activation_size"] == "20·9·8"


def test_the_model_as_a_table_claims_what_is_right() -> None:
    table = parse_table("layer\tshape\nInput\t(50,50,3)\nCONV (f=5)\t(46,46,8)\n", "claims.tsv")
    made = table_of_model(table, [CONV, POOL])
    assert (made.source, made.layout, made.printed_by) == ("claims.tsv", "channels last", "model")
    assert [row.input_shape for row in made.rows] == [(3, 50, 50), None]
    fed = [FedLayer(**asdict(CONV), input_shapes=((3, 32, 32), (7,))), FedLayer(**asdict(POOL))]
    assert [row.input_shape for row in table_of_model(table, fed).rows] == [(3, 32, 32), None]
    made_row = row_of_model(CONV)
    assert {quantity: (int(number.value), number.exact) for quantity, number in made_row.numbers.items()} == {
        "activation_size": (6272, True),
        "parameters": (608, True),
        "macs": (470_400, True),
    }
    assert made_row == ClaimedRow("features.conv1", LayerText("convolution"), (8, 28, 28), None, made_row.numbers)


def test_a_model_that_says_no_inputs_has_its_branches_found() -> None:
    """ResNet's projection is fed with the block's input: 128 filters of 1·1·64, at 28·28 positions."""
    report = against("layer\tparameters\nlayer2.0.downsample.0 (conv)\t8,193\n", resnet18(), (3, 64, 64))
    (cell,) = report.wrong
    assert (cell.correct, cell.formula) == (8192, "1·1·64·128 = 8,192")


@pytest.mark.parametrize(
    ("label", "paths", "found"),
    [
        ("layer1", ["stem", "layer1.0", "layer1.1", "head"], [1, 2]),
        ("Layer1 (two blocks)", ["stem", "LAYER1.0", "Layer1.1", "layer1.2", "layer10.0"], [1, 2, 3]),
        ("block of layer1", ["layer1.0", "layer1.1"], []),
        ("layer1", ["layer1.0", "head", "layer1.1"], []),
        ("layer1", ["head", "layer1.0", "layer1.1", "head", "layer1.2"], []),
        ("layer1", ["stem", "layer1.0"], [1]),
        ("layer1", ["layer1"], []),
        ("3 x 3", ["layer1.0"], []),
        ("33", ["layer1.0"], []),
    ],
)
def test_a_block_is_the_rows_right_below_its_name(label: str, paths: list[str], found: list[int]) -> None:
    rows = [CountedLayer(path, "Conv2d", (8, 4, 4), 128, 8, 0) for path in paths]
    assert list(block_named(ClaimedRow(label, LayerText()), rows)) == found


@pytest.mark.parametrize(
    ("text", "layer", "kind", "score"),
    [
        # 4 for the name, 2 for a kind alike, 1 for the same, 2 each for shape, parameters, and parameters at all
        ("CONV1 (f=5)\t(28,28,8)\t608", CONV, "convolution", 4 + 2 + 1 + 2 + 2 + 2),
        ("features.conv1\t-\t-", CONV, "convolution", 4 + 2 + 1),
        ("conv9\t-\t-", CONV, "convolution", 2 + 1),
        ("conv9\t(28,28,8)\t-", CONV, "convolution", 2 + 1 + 2),
        ("conv9\t-\t208", CONV, "convolution", 2 + 1 + 2),
        ("conv9\t-\t0", CONV, "convolution", 2 + 1),
        ("depthwise conv\t-\t608", CONV, "convolution", 2 + 2 + 2),
        ("pool\t-\t0", POOL, "pooling", 2 + 1 + 2 + 2),
        ("pool\t-\t1", POOL, "pooling", 2 + 1),
        ("global pool\t-\t-", POOL, "pooling", 2),
        ("FC\t-\t-", CONV, "softmax", 2),
        ("pool\t-\t-", CONV, "convolution", 0),
        ("pool1\t-\t-", CONV, "convolution", 0),
        ("Mystery pool1\t-\t0", CONV, "other", 0),
        ("conv1\t-\t608", CONV, "other", 4 + 2 + 2),
        ("conv9\t-\t608", CONV, "other", 0),
        ("conv1 pool\t-\t608", CONV, "convolution", 0),
    ],
)  # fmt: skip
def test_the_likeness_of_a_row_and_a_layer(text: str, layer: CountedLayer, kind: str, score: int) -> None:
    assert likeness(row(text), layer, kind) == score


def test_a_layer_is_named_by_its_last_word() -> None:
    deep = CountedLayer("features.block.conv1", "Conv2d", (8, 28, 28), 6272, 608, 470_400)
    assert likeness(row("conv1\t-\t-"), deep, "convolution") == 4 + 2 + 1
    assert likeness(row("CONV1\t-\t1"), CountedLayer("conv1", "Conv2d", (1, 1, 1), 1, 1, 1), "convolution") == 11


def test_totals_and_blocks_stand_for_no_single_layer() -> None:
    rows = [*hooked(block_network(), (3, 12, 12)), CountedLayer("total", "Sum", (1,), 1, 0, 0)]
    table = parse_table("layer\tparameters\nlayer1 conv\t224\nhead (conv)\t292\nTotal\t532\n")
    assert matched(table, rows) == [range(3), range(3, 4), range(0)]


def best_by_trying(scores: list[list[int]]) -> int:
    """The greatest sum over all pairings in order, each tried."""
    rows, columns = range(len(scores)), range(len(scores[0]) if scores else 0)
    return max(
        sum(scores[row][column] for row, column in zip(some, others, strict=True))
        for size in range(min(len(rows), len(columns)) + 1)
        for some in combinations(rows, size)
        for others in combinations(columns, size)
    )


@given(st.integers(0, 4).flatmap(lambda n: st.lists(st.lists(st.integers(0, 3), min_size=n, max_size=n), max_size=4)))
def test_aligned_pairs_have_the_greatest_sum_in_order(scores: list[list[int]]) -> None:
    pairs = aligned(scores)
    assert sum(scores[row][column] for row, column in pairs) == best_by_trying(scores)
    assert all(scores[row][column] for row, column in pairs)
    assert all(one[0] < other[0] and one[1] < other[1] for one, other in pairwise(pairs))


def test_a_tie_goes_to_the_first_pair() -> None:
    assert aligned([[1, 1], [1, 1]]) == [(0, 0), (1, 1)]
    assert aligned([[1, 1]]) == [(0, 0)]
    assert aligned([[1], [1]]) == [(0, 0)]
    assert aligned([[0, 1], [1, 0]]) == [(1, 0)]
    assert aligned([]) == []


def test_what_is_right_of_a_claim_is_told_by_the_model() -> None:
    report = against("layer\tshape\tparameters\nlayer1\t(8,10,10)\t240\nhead (conv)\t(4,8,8)\t292\nTotal\t-\t532\n",
                     block_network(), (3, 12, 12))  # fmt: skip
    assert [cell.holds for cell in report.cells] == [True] * 5
    assert isinstance(report.cells[0].correct, tuple)
