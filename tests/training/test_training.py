"""Training: exact, resumable, every image once an epoch, and one clear line when the loss is lost."""

from __future__ import annotations

import math
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torchvision.transforms.v2 import functional as tv

import convstudy.training.batches
from convstudy.errors import DivergedError, RecipeError, StudyError
from convstudy.inference import ResidentImages
from convstudy.training import Progress, Recipe, TrainingBatches, train
from convstudy.training.cropping import crop, mirror
from convstudy.training.optimizer import UncompiledAdamW, UncompiledSGD, build_optimizer
from convstudy.training.schedule import learning_rate

RECIPE = Recipe(epochs=3, batch_size=8, lr=0.05, horizontal_flip=True)


def images(count: int, side: int = 8, channels: int = 1) -> ResidentImages:
    """Images of two classes that differ in brightness."""
    stream = torch.Generator().manual_seed(0)
    labels = torch.arange(count) % 2
    pixels = torch.randint(0, 100, (count, channels, side, side), generator=stream, dtype=torch.uint8)
    pixels += (labels * 100).to(torch.uint8).view(-1, 1, 1, 1)
    return ResidentImages(pixels, labels, (0.4,) * channels, (0.2,) * channels)


def network(seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Dropout(0.2), nn.Flatten(), nn.Linear(4 * 36, 2)
    )


def weights(trained: nn.Module) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in trained.state_dict().items()}


def same(a: dict[str, Tensor], b: dict[str, Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def test_a_network_learns() -> None:
    history = train(network(), TrainingBatches(images(64), replace(RECIPE, epochs=6), seed=0), images(16))
    assert [epoch.epoch for epoch in history] == [1, 2, 3, 4, 5, 6]
    assert history[-1].validation_top1 == 1.0
    assert history[-1].train_loss < history[0].train_loss


def test_the_same_seed_gives_the_same_bits_and_another_seed_does_not() -> None:
    def trained(seed: int) -> dict[str, Tensor]:
        model = network()
        train(model, TrainingBatches(images(40), RECIPE, seed), images(16))
        return weights(model)

    assert same(trained(1), trained(1))
    assert not same(trained(1), trained(2))


class KilledError(Exception):
    pass


@pytest.mark.parametrize("last_epoch", [1, 2])
def test_an_interrupted_run_ends_with_the_same_bits(tmp_path: Path, last_epoch: int) -> None:
    whole, broken, resumed = network(), network(), network()
    batches = TrainingBatches(images(96), RECIPE, seed=1)
    checkpoint = tmp_path / "checkpoint.pt"
    unbroken = train(whole, batches, images(16))

    def die(progress: Progress) -> None:
        if (progress.epoch, progress.step) == (last_epoch + 1, 10):  # of 12 steps
            raise KilledError

    with pytest.raises(KilledError):
        train(broken, batches, images(16), checkpoint=checkpoint, on_step=die)
    told: list[int] = []
    history = train(
        resumed, batches, images(16), checkpoint=checkpoint, on_epoch=lambda epoch: told.append(epoch.epoch)
    )
    assert told == [1, 2, 3]
    assert [replace(epoch, seconds=0) for epoch in history] == [replace(epoch, seconds=0) for epoch in unbroken]
    assert same(weights(resumed), weights(whole))
    assert not same(weights(broken), weights(whole))


def test_a_torn_checkpoint_falls_back_to_the_one_before_and_two_are_named(tmp_path: Path) -> None:
    batches, checkpoint, whole, resumed = (
        TrainingBatches(images(96), RECIPE, 1),
        tmp_path / "c.pt",
        network(),
        network(),
    )
    train(whole, batches, images(16))
    torch.manual_seed(5)

    def stop(progress: Progress) -> None:
        if (progress.epoch, progress.step) == (3, 10):
            raise KilledError

    with pytest.raises(KilledError):
        train(network(), batches, images(16), checkpoint=checkpoint, checkpoint_seconds=0, on_step=stop)
    checkpoint.write_bytes(checkpoint.read_bytes()[:1000])
    train(resumed, batches, images(16), checkpoint=checkpoint)
    assert same(weights(resumed), weights(whole))
    for torn in (checkpoint, tmp_path / "c.pt.previous"):
        torn.write_bytes(checkpoint.read_bytes()[:1000])
    with pytest.raises(StudyError, match=r"c\.pt .*delete it") as caught:
        train(network(), batches, images(16), checkpoint=checkpoint)
    assert "\n" not in str(caught.value)


@pytest.fixture
def ctrl_c_is_handled() -> Iterator[None]:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored, if a script runs the tests with `&`
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("ctrl_c_is_handled")
@pytest.mark.parametrize("at", [(1, 10), (2, 10), (3, 12)])
def test_ctrl_c_ends_after_the_step_and_the_run_goes_on_exactly(tmp_path: Path, at: tuple[int, int]) -> None:
    batches, checkpoint, whole, resumed = (
        TrainingBatches(images(96), RECIPE, 1),
        tmp_path / "c.pt",
        network(),
        network(),
    )
    expected = train(whole, batches, images(16))

    def press(progress: Progress) -> None:
        if (progress.epoch, progress.step) == at:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        train(network(), batches, images(16), checkpoint=checkpoint, on_step=press)
    torch.manual_seed(5)
    history = train(resumed, batches, images(16), checkpoint=checkpoint)
    assert [replace(epoch, seconds=0) for epoch in history] == [replace(epoch, seconds=0) for epoch in expected]
    assert same(weights(resumed), weights(whole))


class Poisoned(nn.Module):
    """Gives NaN from its `bad`-th forward pass in training on."""

    def __init__(self, bad: int) -> None:
        super().__init__()
        self.inner, self.bad, self.passes = network(), bad, 0

    def forward(self, x: Tensor) -> Tensor:
        self.passes += self.training
        out: Tensor = self.inner(x)
        return out * math.nan if self.passes >= self.bad else out


@pytest.mark.parametrize(("bad", "where"), [(1, "epoch 1, step 1"), (8, "epoch 2, step 3")])
def test_a_lost_loss_stops_the_run_with_its_epoch_and_step(bad: int, where: str) -> None:
    with pytest.raises(DivergedError, match=f"nan at {where}, with a learning rate of "):
        train(Poisoned(bad), TrainingBatches(images(40), RECIPE, seed=0), images(16))


@given(count=st.integers(2, 70), batch_size=st.integers(2, 33), seed=st.integers(0, 9), epoch=st.integers(1, 3))
@settings(max_examples=60, deadline=None)
def test_every_image_is_seen_once_an_epoch(count: int, batch_size: int, seed: int, epoch: int) -> None:
    pixels = torch.arange(count, dtype=torch.uint8).view(-1, 1, 1, 1).expand(-1, 1, 4, 4).contiguous()
    resident = ResidentImages(pixels, torch.arange(count), (0.0,), (1 / 255,))
    batches = list(TrainingBatches(resident, Recipe(batch_size=batch_size, crop_padding=0), seed).epoch(epoch))
    labels = torch.cat([labels for _, labels in batches])
    assert sorted(labels.tolist()) == list(range(count))
    assert torch.allclose(torch.cat([batch for batch, _ in batches])[:, 0, 0, 0], labels.float(), atol=1e-3)
    sizes = [len(labels) for _, labels in batches]
    assert max(sizes) <= batch_size
    assert max(sizes) - min(sizes) <= 1


@pytest.mark.parametrize("recipe", [{}, {"augment": "randaugment"}, {"erasing": 0.5}, {"mixup": 0.2, "cutmix": 0.2}])
@pytest.mark.parametrize(("after_step", "rank", "world"), [(0, 0, 1), (3, 1, 2)])
def test_batches_that_are_made_at_once_are_as_those_made_one_by_one(
    recipe: dict[str, Any], after_step: int, rank: int, world: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    resident = images(70, channels=3)
    resident = replace(resident, images=resident.images.contiguous(memory_format=torch.channels_last))
    made_by = TrainingBatches(resident, Recipe(batch_size=8, horizontal_flip=True, **recipe), seed=0)

    def made(at_once: int) -> list[tuple[Tensor, Tensor]]:
        monkeypatch.setattr(convstudy.training.batches, "AT_ONCE", at_once)
        return list(made_by.epoch(2, after_step=after_step, rank=rank, world=world))

    single, some, all_of_them = made(1), made(4 * 8 * 3 * 8 * 8), made(2**30)
    assert len(single) == 9 - after_step
    for one, two, three in zip(single, some, all_of_them, strict=True):
        assert all(map(torch.equal, one, two))
        assert all(map(torch.equal, one, three))


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@given(
    channels=st.integers(1, 4),
    height=st.integers(1, 9),
    width=st.integers(1, 9),
    padding=st.integers(0, 3),
    data=st.data(),
)
@settings(max_examples=50, deadline=None)
def test_a_batch_is_augmented_as_its_images_are(
    layout: torch.memory_format, channels: int, height: int, width: int, padding: int, data: st.DataObject
) -> None:
    count = data.draw(st.integers(1, 6))
    seed = torch.Generator().manual_seed(data.draw(st.integers(0, 99)))
    pixels = torch.randint(256, (count, channels, height, width), generator=seed, dtype=torch.uint8)
    pixels = pixels.contiguous(memory_format=layout)
    top, left = torch.randint(2 * padding + 1, (2, count), generator=seed)
    chosen = torch.rand(count, generator=seed) < 0.5
    cut = crop(pixels, top, left, padding)
    turned = mirror(cut, chosen)
    assert turned.is_contiguous(memory_format=layout)
    for index in range(count):
        padded = tv.pad(pixels[index], [padding] * 4)
        alone = tv.crop(padded, int(top[index]), int(left[index]), height, width)
        assert torch.equal(cut[index], alone)
        assert torch.equal(turned[index], tv.horizontal_flip(alone) if chosen[index] else alone)


def test_the_order_changes_from_epoch_to_epoch() -> None:
    batches = TrainingBatches(images(40), RECIPE, seed=0)
    first, second = (torch.cat([labels for _, labels in batches.epoch(epoch)]) for epoch in (1, 2))
    assert not torch.equal(first, second)


def test_the_learning_rate_is_torch_s_cosine_after_a_linear_warm_up() -> None:
    recipe, steps = Recipe(epochs=4, lr=0.3, warmup_epochs=1), 10
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.3)
    cosine = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=30)
    assert [learning_rate(step, steps, recipe) for step in range(10)] == pytest.approx(
        [0.3 * (step + 1) / 10 for step in range(10)]
    )
    for step in range(10, 40):
        assert learning_rate(step, steps, recipe) == pytest.approx(cosine.get_last_lr()[0])
        optimizer.step()
        cosine.step()


@pytest.mark.parametrize(("ours", "torch_s"), [(UncompiledSGD, torch.optim.SGD), (UncompiledAdamW, torch.optim.AdamW)])
def test_the_optimizers_are_torch_s_to_the_bit(
    ours: type[torch.optim.Optimizer], torch_s: type[torch.optim.Optimizer]
) -> None:
    momentum: dict[str, Any] = {"momentum": 0.9, "nesterov": True} if ours is UncompiledSGD else {}

    def trained(kind: type[torch.optim.Optimizer]) -> dict[str, Tensor]:
        model, stream = network(), torch.Generator().manual_seed(1)
        optimizer = kind(model.parameters(), lr=0.1, weight_decay=0.01, fused=True, **momentum)  # type: ignore[call-arg]
        for step in range(20):
            if step == 10:
                state = optimizer.state_dict()
                optimizer = kind(model.parameters(), lr=1.0, fused=True)  # type: ignore[call-arg]
                optimizer.load_state_dict(state)
            optimizer.zero_grad(set_to_none=True)
            model(torch.randn(4, 1, 8, 8, generator=stream)).square().mean().backward()
            optimizer.step()
        return weights(model)

    assert same(trained(ours), trained(torch_s))


def test_biases_and_norms_do_not_decay() -> None:
    model = network()
    decaying, free = build_optimizer(model, RECIPE).param_groups
    assert decaying["weight_decay"] == RECIPE.weight_decay
    assert free["weight_decay"] == 0
    assert {id(p) for p in decaying["params"]} == {id(model.get_parameter(n)) for n in ("0.weight", "5.weight")}
    assert {id(p) for p in free["params"]} == {
        id(model.get_parameter(n)) for n in ("0.bias", "1.weight", "1.bias", "5.bias")
    }


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"epochs": 0}, "epochs is 0; expected a whole number from 1 to 1,000,000"),
        ({"batch_size": 1}, "batch_size is 1; expected a whole number from 2 to 2,147,483,647"),
        ({"lr": math.nan}, "lr is nan; expected a number above 0"),
        ({"lr": math.inf}, "lr is inf; expected a number above 0"),
        ({"warmup_epochs": 3}, "warmup_epochs is 3; expected a number from 0 to below 3, the value of `epochs`"),
        ({"momentum": 1}, "momentum is 1; expected a number from 0 to below 1"),
        ({"weight_decay": -1}, "weight_decay is -1; expected a number, 0 or more"),
        ({"label_smoothing": 1}, "label_smoothing is 1; expected a number from 0 to below 1"),
        ({"crop_padding": 0.6}, "crop_padding is 0.6; expected a number from 0 to 0.5"),
    ],
)
def test_a_recipe_out_of_range_is_refused(change: dict[str, float], message: str) -> None:
    with pytest.raises(RecipeError) as caught:
        replace(RECIPE, **change)  # type: ignore[arg-type]
    assert str(caught.value) == message
