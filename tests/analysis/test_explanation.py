"""Every number with its formula; the formula's value is what was counted."""

from __future__ import annotations

import pytest
import torchvision
from torch import nn

from convstudy.analysis import count, explain
from convstudy.analysis.explanation import _derivations
from convstudy.analysis.unallocated import unallocated
from convstudy.claims.checking.arithmetic import value_of
from convstudy.errors import UnknownNameError
from tests.analysis.networks import Net


def lines(network: nn.Module, shape: tuple[int, ...], path: str) -> list[str]:
    return [str(derivation) for derivation in explain(network, shape, path).derivations]


def test_the_lectures_first_layer() -> None:
    assert lines(nn.Sequential(nn.Conv2d(3, 8, 5), nn.ReLU()), (3, 32, 32), "0") == [
        "output height and width: ⌊(32 + 2·0 − 5)/1⌋ + 1 = 28",
        "activation size: 28·28·8 = 6,272",
        "parameters: (5·5·3 + 1)·8 = 608",
        "MACs: 28·28·8·5·5·3 = 470,400",
        "receptive field: 1 + (5 − 1)·1 = 5",
    ]


def test_pooling_and_dense_layers() -> None:
    assert lines(Net(), (3, 32, 32), "pool") == [
        "output height and width: ⌊(28 + 2·0 − 2)/2⌋ + 1 = 14",
        "activation size: 14·14·6 = 1,176",
        "parameters: 0",
        "MACs: 0",
        "receptive field: 5 + (2 − 1)·1 = 6",
    ]
    assert lines(Net(), (3, 32, 32), "fc1") == [
        "output features: 120",
        "activation size: 120",
        "parameters: (400 + 1)·120 = 48,120",
        "MACs: 400·120 = 48,000",
    ]


@pytest.mark.parametrize(
    ("layer", "quantity", "formula"),
    [
        (nn.Conv2d(4, 8, 3, dilation=2), "output height and width", "⌊(17 + 2·0 − (2·(3 − 1) + 1))/1⌋ + 1"),
        (nn.Conv2d(4, 8, 3, dilation=2), "receptive field", "1 + 2·(3 − 1)·1"),
        (nn.Conv2d(4, 8, 4, padding="same"), "output height and width", "⌊(17 + 3 − 4)/1⌋ + 1"),
        (nn.Conv2d(4, 8, (1, 3)), "output width", "⌊(17 + 2·0 − 3)/1⌋ + 1"),
        (nn.Conv2d(4, 8, (1, 3)), "receptive field, height", "1 + (1 − 1)·1"),
        (nn.Conv2d(4, 8, 3, groups=4, bias=False), "parameters", "3·3·1·8"),
        (nn.MaxPool2d(3, 2, ceil_mode=True), "output height and width", "⌈(17 + 2·0 − 3)/2⌉ + 1"),
        (nn.MaxPool2d(2, 3, 1, ceil_mode=True), "output height and width", "⌈(17 + 2·1 − 2)/3⌉"),
        (nn.ConvTranspose2d(4, 6, 3, 2, 1, 1), "output height and width", "(17 − 1)·2 − 2·1 + 3 + 1"),
        (nn.ConvTranspose2d(4, 6, 3, groups=2), "parameters", "3·3·2·6 + 6"),
        (nn.ConvTranspose2d(4, 6, 3, groups=2), "MACs", "17·17·4·3·3·3"),
        (nn.BatchNorm2d(4), "parameters", "2·4"),
        (nn.GroupNorm(2, 4), "parameters", "8"),
    ],
)
def test_formulas(layer: nn.Module, quantity: str, formula: str) -> None:
    assert explain(nn.Sequential(layer), (4, 17, 17), "0")[quantity].formula == formula


@pytest.mark.parametrize("name", ["alexnet", "googlenet", "mobilenet_v3_large", "resnext50_32x4d", "vgg11_bn"])
def test_every_formula_of_a_network_gives_what_was_counted(name: str) -> None:
    """Formulas whose value is not what was counted are replaced by the count: no layer of these needs that."""
    with unallocated():
        options = {"init_weights": False} if name == "googlenet" else {}
        network: nn.Module = torchvision.models.get_model(name, **options)
    modules = dict(network.named_modules())
    explained = 0
    for row in count(network, (3, 224, 224)):
        received = row.input_shapes[0] if row.input_shapes else ()
        found = {each.quantity: each for each in _derivations(row, received, modules.get(row.path))}
        assert all(each.value == value_of(each.formula) for each in found.values())
        assert found["parameters"].value == row.parameters
        assert found["MACs"].value == row.macs
        if isinstance(modules.get(row.path), (nn.Conv2d, nn.Linear)) and row.activation_size:
            explained += 1
            assert "·" in found["parameters"].formula
            assert "·" in found["MACs"].formula
        assert "counted from the results" not in {each.words for each in found.values()}
    assert explained > 5


def test_shared_weights_are_explained_at_their_first_layer() -> None:
    layer = nn.Linear(4, 4)
    other = nn.Linear(4, 4)
    other.weight, other.bias = layer.weight, layer.bias
    derivation = explain(nn.Sequential(layer, other), (4,), "1")["parameters"]
    assert (derivation.value, derivation.words) == (0, "weights shared with 0, counted there")


def test_a_layer_that_is_not_there() -> None:
    with pytest.raises(UnknownNameError, match="no layer is named 'conv3'; did you mean 'conv2'"):
        explain(Net(), (3, 32, 32), "conv3")
