"""Whose classifier is kept: that of weights for the same classes."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn
from torchvision.models import ResNet18_Weights

from convstudy.study.models.objects import model_of
from convstudy.study.models.opening import open_model
from convstudy.study.models.weights_origin import classifier_note, weights_origin

CATEGORIES = tuple(ResNet18_Weights.DEFAULT.meta["categories"])
FOLDERS = tuple(f"n{number:08}" for number in range(1000))  # as ImageNet's folders are named


@pytest.fixture(autouse=True)
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    file = tmp_path / "hub/checkpoints" / ResNet18_Weights.DEFAULT.url.rpartition("/")[2]
    file.parent.mkdir(parents=True)
    torch.save({}, file)


@pytest.mark.parametrize(
    ("classes", "kept"),
    [
        (CATEGORIES, True),
        (FOLDERS, True),
        (FOLDERS[:-1], False),
        ((*CATEGORIES[:-1], "another"), False),
        (tuple(map(str, range(1000))), False),
    ],
)
def test_imagenet_s_classifier_is_kept_for_imagenet_s_classes(classes: tuple[str, ...], kept: bool) -> None:
    assert ("is kept" in classifier_note(open_model("resnet18@imagenet"), classes)) is kept


def test_a_file_with_the_name_of_an_official_one_is_official(tmp_path: Path) -> None:
    path = tmp_path / "hub/checkpoints" / ResNet18_Weights.DEFAULT.url.rpartition("/")[2]
    for name in ("resnet18", "torchvision:resnet18"):
        found = weights_origin(open_model(f"{name}@{path}"))
        assert found is not None
        assert (found.mean, found.side, found.classes) == ((0.485, 0.456, 0.406), 224, CATEGORIES)


def test_a_network_without_weights_has_no_origin_and_no_note() -> None:
    for model in (open_model("resnet18"), model_of("mine@home", nn.Linear(4, 2))):
        assert weights_origin(model) is None
        assert classifier_note(model, ("a", "b")) == ""
