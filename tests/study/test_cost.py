"""What a run measures of its network: held against the prediction, and nothing is disturbed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from convstudy.analysis.training_memory import training_memory
from convstudy.data import DataSet, ImageSet
from convstudy.study.models.opening import Model
from convstudy.study.runs import cost as measured_cost_module
from convstudy.study.runs.cost import measured_cost, training_step_bytes
from convstudy.study.runs.data_record import DataRecord
from convstudy.study.runs.folder import RunFolder
from convstudy.study.runs.measured_cost import MeasuredCost
from convstudy.study.runs.task import Task
from convstudy.study.runs.trained import Trained
from convstudy.training import Epoch, Recipe
from convstudy.zoo import build

SIDE = 32
IMAGES = ImageSet(np.zeros((4, 3, SIDE, SIDE), np.uint8), np.arange(4), tuple("abcd"))
DATA = DataSet("four", "none", tuple("0123456789"), IMAGES, None, IMAGES, horizontal_flip=False)
ORIGIN = DataRecord.of(DATA, "four", data_dir=None, test_data=None, skip_bad_images=False)
EPOCHS = [Epoch(1, 0.1, 1.0, 0.5, 1.0, 0.5, 1.0)]


def task(name: str, **settings: object) -> Task:
    folder = RunFolder(Path("nowhere"))
    recipe = Recipe.from_dict({"warmup_epochs": 0, "batch_size": 128, **settings})
    return Task(
        model=name,
        code="",
        input_shape=(3, SIDE, SIDE),
        data_fingerprint="none",
        recipe=recipe,
        seed=0,
        device="cpu",
        threads=1,
        convstudy="0",
        sources="0",
        opened=Model(name=name, build=lambda *_: network(name)),
        data=DATA,
        origin=ORIGIN,
        on=torch.device("cpu"),
        folder=folder,
        index=1,
    )


def trained_as(asked: Task, trained: nn.Module, seconds: float = 1.0) -> Trained:
    return Trained(task=asked, network=trained, lr=asked.recipe.lr, epochs=EPOCHS, seconds=seconds)


def network(name: str) -> nn.Module:
    torch.manual_seed(0)
    return build(name, num_classes=10, in_channels=3)


def step_bytes(name: str, images: int, **settings: object) -> int:
    found = training_step_bytes(task(name, **settings), network(name), images)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("name", "optimizer"), [("net", "sgd"), ("net", "adamw"), ("lenet5", "sgd"), ("resnet20", "sgd")]
)
@pytest.mark.parametrize("images", [16, 64])
def test_it_is_what_analysis_predicts_but_for_workspaces(name: str, optimizer: str, images: int) -> None:
    """The prediction leaves workspaces out; and what is saved first is given back before the last gradient is there."""
    keeps = {"sgd": "nesterov", "adamw": "adamw"}[optimizer]
    shape = (1 if name == "lenet5" else 3, SIDE, SIDE)
    asked = replace(task(name, optimizer=optimizer), input_shape=shape)
    torch.manual_seed(0)
    found = training_step_bytes(asked, build(name, num_classes=10, in_channels=shape[0]), images)
    predicted = training_memory(
        build(name, num_classes=10, in_channels=shape[0]), shape, batch_size=images, optimizer=keeps
    )
    assert found is not None
    assert found >= predicted.weights + predicted.gradients + predicted.optimizer + predicted.inputs
    assert 0.9 * predicted.peak < found < 1.7 * predicted.peak


def test_it_grows_with_the_batch_and_with_what_the_recipe_keeps() -> None:
    sizes = [step_bytes("net", images) for images in (8, 32, 128)]
    assert sizes == sorted(set(sizes))
    assert step_bytes("net", 8, optimizer="adamw") > step_bytes("net", 8)
    weights = sum(parameter.nbytes for parameter in network("net").parameters())
    assert step_bytes("net", 8, ema_decay=0.9) >= step_bytes("net", 8) + weights
    assert step_bytes("resnet20", 64, accumulate=4) < 0.5 * step_bytes("resnet20", 64)


def test_a_head_alone_keeps_no_activations_of_the_backbone() -> None:
    frozen = replace(task("resnet20"), freeze=True)
    weights = sum(tensor.nbytes for tensor in network("resnet20").state_dict().values())
    head = training_step_bytes(frozen, network("resnet20"), 64)
    assert head is not None
    assert weights < head < 0.1 * step_bytes("resnet20", 64)
    assert training_step_bytes(replace(frozen, unfreeze_at=1), network("resnet20"), 64) == step_bytes("resnet20", 64)


@pytest.mark.parametrize(
    "settings", [{}, {"mixup": 0.2, "cutmix": 1.0, "balance": "loss"}, {"channels_last": True, "amp": True}], ids=str
)
@pytest.mark.parametrize("freeze", [False, True])
def test_nothing_is_disturbed(settings: dict[str, object], freeze: bool) -> None:
    whole = network("resnet20")
    trained = (whole if freeze else nn.Sequential(whole, nn.Dropout())).eval()
    before = {name: value.clone() for name, value in trained.state_dict().items()}
    asked = replace(task("resnet20", **settings), freeze=freeze)
    random = torch.get_rng_state()
    found = measured_cost(trained_as(asked, trained), 64)
    assert torch.equal(torch.get_rng_state(), random)
    assert all(torch.equal(value, before[name]) for name, value in trained.state_dict().items())
    assert not any(module.training for module in trained.modules())
    assert all(parameter.grad is None and parameter.requires_grad for parameter in trained.parameters())
    assert all(value is not None and value > 0 for value in found.to_dict().values())


class Grumpy(nn.Module):
    """Takes one image at a time, and cannot be copied."""

    def forward(self, x: Tensor) -> Tensor:
        if len(x) > 1:
            raise ValueError("one image, please")
        return x

    def __deepcopy__(self, memo: object) -> Grumpy:
        raise TypeError("cannot pickle a grudge")


def test_a_network_that_refuses_costs_no_run() -> None:
    found = measured_cost(trained_as(task("grumpy"), Grumpy()), 64)
    assert found.latency_ms > 0
    assert (found.inference_images_per_second, found.inference_batch_size, found.training_step_bytes) == (None,) * 3


def test_the_batch_is_that_of_training_and_a_step_that_takes_long_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def step(_: Task, __: nn.Module, images: int) -> int:
        asked.append(images)
        return 1

    monkeypatch.setattr(measured_cost_module, "training_step_bytes", step)

    def of(images: int, seconds: float) -> MeasuredCost:
        return measured_cost(trained_as(task("net", batch_size=32), network("net"), seconds), images)

    assert of(100, 1.0).training_step_bytes == 1  # of 100 images 32 at once: 4 steps of 25
    assert asked == [25]
    assert of(100, 40.0).training_step_bytes is None  # 4 steps of 10 seconds
    assert of(100 * 32, 1000.0).training_step_bytes == 1  # 100 of them: one more is little
    assert asked == [25, 32]
