"""A table held against a model's counted layers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from pathlib import Path

import torch
from torch import nn
from torchvision.models import resnet18

from convstudy.analysis import count
from convstudy.claims import parse_table, read_table
from convstudy.claims.checking import CheckReport, check
from convstudy.claims.checking.search import DIFFERENCES
from tests.claims.checking.test_homework import FOUND, HOMEWORK
from tests.conftest import ROOT, Said


@dataclass(frozen=True)
class CountedLayer:
    path: str
    kind: str
    output_shape: tuple[int, ...]
    activation_size: int
    parameters: int
    macs: int


def hooked(network: nn.Module, input_shape: tuple[int, ...]) -> list[CountedLayer]:
    """Every layer as torch's hooks see it: an accounting of this test's own."""
    rows: list[CountedLayer] = []

    def hook(path: str) -> Callable[[nn.Module, object, torch.Tensor], None]:
        def count(module: nn.Module, _: object, output: torch.Tensor) -> None:
            shape = tuple(output.shape[1:])
            weight = getattr(module, "weight", None)
            products = weight is not None and weight.dim() > 1
            macs = weight.numel() * prod(shape[1:]) if products and weight is not None else 0
            parameters = sum(parameter.numel() for parameter in module.parameters())
            rows.append(CountedLayer(path, type(module).__name__, shape, prod(shape), parameters, macs))

        return count

    for path, module in network.named_modules():
        if not list(module.children()):
            module.register_forward_hook(hook(path))
    network.eval()(torch.zeros(1, *input_shape))
    return rows


def lecture() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 8, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10), nn.Softmax(dim=1),
    )  # fmt: skip


def against(text: str, network: nn.Module, input_shape: tuple[int, ...] = (3, 32, 32)) -> CheckReport:
    return check(parse_table(text, "claims.tsv"), hooked(network, input_shape))


def test_the_homework_against_the_lecture_s_network_has_the_same_five_mistakes() -> None:
    report = against(HOMEWORK, lecture())
    found = [(cell.row, int(cell.claimed.value), cell.correct, cell.mistake) for cell in report.wrong]  # type: ignore[union-attr]
    assert found == FOUND
    assert len(report.cells) == 24
    assert all(cell.holds is not None for cell in report.cells if cell.row != "Input:")
    assert "CONV2 (f=5, s=1) is 3" in report.notes


def test_the_accounting_s_rows_are_taken_as_they_are() -> None:
    report = check(parse_table(HOMEWORK), count(lecture(), (3, 32, 32)).rows)
    assert [(cell.row, cell.correct, cell.mistake) for cell in report.wrong] == [(r, c, m) for r, _, c, m in FOUND]
    assert report.wrong[0].formula == "(5·5·3 + 1)·8 = 608"
    assert all(cell.holds is not None for cell in report.cells)
    smaller = parse_table(HOMEWORK.replace("(32,32,3)", "(28,28,3)"))
    assert check(smaller, count(lecture(), (3, 32, 32)).rows).cells[0].holds is False


def test_a_printout_holds_against_its_own_model() -> None:
    printout = Path(__file__).parents[1] / "printouts" / "torchsummary_resnet18.txt"
    with torch.device("meta"):
        network = resnet18()
    report = check(read_table(printout), count(network, (3, 224, 224)).rows)
    assert report.wrong == ()
    assert {cell.row.split("-")[0] for cell in report.cells if cell.holds is None} == {"BasicBlock"}


def test_a_shape_that_the_table_alone_could_not_refute_is_refuted_by_the_model() -> None:
    text = "layer\tshape\nInput\t(32,32,3)\nCONV1 (f=5, s=1)\t(32,32,8)\n"
    assert check(parse_table(text)).holds
    (cell,) = against(text, nn.Sequential(nn.Conv2d(3, 8, 5))).wrong
    assert (cell.correct, cell.quantity) == ((8, 28, 28), "output_shape")
    assert "kernel-ignored" in [cell.mistake, *(other.mistake for other in cell.alternatives)]


def test_rows_are_matched_by_name_before_order() -> None:
    network = nn.Sequential()
    network.add_module("stem", nn.Conv2d(3, 8, 3, padding=1))
    network.add_module("extra", nn.Conv2d(8, 8, 3, padding=1))
    network.add_module("head", nn.Conv2d(8, 8, 3, padding=1))
    report = against("layer\tparameters\nhead (conv)\t584\n", network)
    assert report.holds
    assert "head (conv) is head" in report.notes


def test_a_block_is_the_sum_of_its_layers() -> None:
    network = nn.Sequential()
    network.add_module("layer1", nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU()))
    network.add_module("layer2", nn.Sequential(nn.Conv2d(8, 8, 3), nn.BatchNorm2d(8), nn.ReLU()))
    report = against(
        "layer\tshape\tparameters\nlayer1\t(8,30,30)\t240\nlayer2\t(8,28,28)\t600\nTotal\t-\t840\n", network
    )
    assert report.holds
    assert len(report.cells) == 5


def test_a_total_may_be_rounded() -> None:
    assert against("layer\tparams\nTotal\t63.0K\n", lecture()).holds
    (cell,) = against("layer\tparams\nTotal\t61.5K\n", lecture()).wrong
    assert cell.mistake == "1024-for-1000"  # 62,958 / 1,024 = 61.48


def test_a_row_without_a_layer_is_said() -> None:
    report = against("layer\tparams\nconv (f=5)\t608\nBN\t16\n", lecture())
    assert "BN: no layer of the model stands for this row" in report.notes
    assert [cell.holds for cell in report.cells] == [True, None]


def six_filters(kernel: int = 5) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 6, kernel), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, kernel), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.LazyLinear(120), nn.ReLU(), nn.Linear(120, 80), nn.ReLU(), nn.Linear(80, 10), nn.Softmax(1),
    )  # fmt: skip


RIGHT = {"208": "608", "416": "3216", "48,001": "48120", "10,081": "10164", "841": "850"}


def right_homework() -> str:
    text = HOMEWORK
    for wrong, right in RIGHT.items():
        text = text.replace(f"\t{wrong}\n", f"\t{right}\n")
    return text


def test_another_number_of_filters_and_units_is_no_slip_of_the_pen() -> None:
    cells = {(cell.row.split()[0], cell.quantity): cell for cell in against(right_homework(), six_filters()).wrong}
    shape = cells["CONV1", "output_shape"]
    assert shape.mistake == "filters-differ"
    assert shape.explanation is not None
    assert [word for word in shape.explanation.sentence.split() if word.isdigit()] == ["6", "8"]
    assert shape.alternatives == ()
    assert cells["FC4", "output_shape"].mistake == "units-differ"
    assert {cell.mistake for cell in cells.values()} == {"filters-differ", "units-differ", "passed-on"}


def test_parameters_alone_name_other_filters_and_another_kernel() -> None:
    rows = "layer\tparams\nCONV1 (f=5)\t608\n"
    assert [cell.mistake for cell in against(rows, nn.Sequential(nn.Conv2d(3, 6, 5))).wrong] == ["filters-differ"]
    assert [cell.mistake for cell in against(rows, nn.Sequential(nn.Conv2d(3, 8, 3))).wrong] == ["kernels-differ"]
    (slip,) = against("layer\tparams\nCONV1 (f=5)\t618\n", nn.Sequential(nn.Conv2d(3, 8, 5))).wrong
    assert slip.mistake == "product-slip"


def test_another_input_is_named() -> None:
    text = "layer\tshape\nInput\t(32,32,1)\nCONV1 (f=5, s=1)\t(28,28,8)\n"
    found = check(parse_table(text), count(nn.Sequential(nn.Conv2d(3, 8, 5)), (3, 32, 32)).rows).wrong
    assert [(cell.row, cell.mistake) for cell in found] == [("Input", "input-differs")]


def test_the_remedy_for_another_input_is_named(convstudy: Callable[..., Said], tmp_path: Path) -> None:
    (tmp_path / "t.tsv").write_text("layer\tshape\nInput\t(32,32,1)\nCONV1 (f=5, s=1)\t(28,28,6)\n")
    said = convstudy("check", "t.tsv", "--model", "net")
    assert said.status == 1
    assert "--input 1x32x32" in said.err
    said = convstudy("check", "t.tsv", "--model", "net", "--input", "1x32x32")
    assert (said.status, said.err) == (0, "")


def test_the_differences_are_documented() -> None:
    document = (ROOT / "docs" / "checking.md").read_text(encoding="utf-8")
    assert [name for name in sorted(DIFFERENCES) if f"`{name}`" not in document] == []
