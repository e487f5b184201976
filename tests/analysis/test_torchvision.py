"""torchvision's models for images, video and segmentation against the figures of their published weights."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest
import torchvision
from torch import nn
from torchvision.models import WeightsEnum, get_model, get_model_weights, list_models

from convstudy.analysis import count
from convstudy.analysis.unallocated import unallocated


def published() -> list[WeightsEnum]:
    """Of each model, the weights of each input size."""
    weights = [entry for name in list_models(module=torchvision.models) for entry in get_model_weights(name)]
    return list({(type(entry), entry.transforms.keywords["crop_size"]): entry for entry in weights}.values())


WEIGHTS = published()


def googlenet_branches(classes: int = 1000) -> int:
    """The side branches: a 1x1 convolution to 128 with its norm, 2048 features to 1024, and 1024 to the classes."""
    return sum(channels * 128 + 2 * 128 + (4 * 4 * 128 + 1) * 1024 + (1024 + 1) * classes for channels in (512, 528))


def built(name: str, size: int) -> nn.Module:
    options: dict[str, Any] = {"image_size": size} if name.startswith("vit") else {}
    if name in {"googlenet", "inception_v3"}:
        options["init_weights"] = False
    with unallocated():
        network: nn.Module = get_model(name, **options)
    return network


@pytest.mark.parametrize("weights", WEIGHTS, ids=lambda weights: f"{type(weights).__name__}-{weights.name}")
def test_the_published_figures(weights: WeightsEnum) -> None:
    name = type(weights).__name__.removesuffix("_Weights").lower()
    size = weights.transforms.keywords["crop_size"]
    table = count(built(name, size), (3, size, size))
    branches = (
        googlenet_branches() if name == "googlenet" else 0
    )  # published without the branches that it is built with
    assert table.totals.parameters == weights.meta["num_params"] + branches
    assert round(table.totals.macs / 1e9, 3) == weights.meta["_ops"]
    assert table.uncounted == ()
    assert table.output_shapes == ((1000,),)


def test_all_models_are_there() -> None:
    assert {type(entry) for entry in WEIGHTS} == {
        get_model_weights(name) for name in list_models(module=torchvision.models)
    }


def weights_of(collection: ModuleType) -> list[WeightsEnum]:
    return [entry for name in list_models(module=collection) for entry in get_model_weights(name)]


def holds(weights: WeightsEnum, network: nn.Module, shape: tuple[int, ...]) -> bool:
    table = count(network, shape)
    macs = round(table.totals.macs / 1e9, 3)
    return (table.totals.parameters, macs) == (weights.meta["num_params"], weights.meta["_ops"]) and not table.uncounted


@pytest.mark.parametrize("weights", weights_of(torchvision.models.video), ids=str)
def test_networks_for_video(weights: WeightsEnum) -> None:
    """Sixteen frames; convolutions in three dimensions and attention over space and time."""
    crop = weights.transforms.keywords["crop_size"]
    with unallocated():
        network = get_model(type(weights).__name__.removesuffix("_Weights").lower())
    assert holds(weights, network, (3, 16, *(crop if isinstance(crop, tuple) else (crop, crop))))


@pytest.mark.parametrize("weights", weights_of(torchvision.models.segmentation), ids=str)
def test_networks_for_segmentation(weights: WeightsEnum) -> None:
    """Two outputs, dilated convolutions, pooling over the whole image and interpolation."""
    name, size = type(weights).__name__.removesuffix("_Weights").lower(), weights.transforms.keywords["resize_size"]
    side = {} if name.startswith("lraspp") else {"aux_loss": True}
    with unallocated():
        network = get_model(name, weights=None, weights_backbone=None, num_classes=21, **side)
    assert holds(weights, network, (3, size, size))
