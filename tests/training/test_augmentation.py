"""Augmentation: a batch is augmented as its images are, a seed decides it, and labels follow what is mixed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torchvision.transforms import v2

from convstudy.errors import RecipeError
from convstudy.training import Recipe, TrainingBatches, train
from convstudy.training.augmentation import erased, mixed, varied
from tests.training.made_up import images, network, plain_network, same, weights

EVERYTHING = Recipe(
    batch_size=8, epochs=2, horizontal_flip=True, augment="trivialaugment", erasing=0.5, mixup=0.2, cutmix=1.0
)


@given(
    policy=st.sampled_from(["randaugment", "trivialaugment"]),
    seeds=st.lists(st.integers(0, 2**62), min_size=1, max_size=9),
    channels=st.sampled_from([1, 3]),
)
@settings(max_examples=40, deadline=None)
def test_a_batch_is_varied_as_its_images_are(policy: str, seeds: list[int], channels: int) -> None:
    batch = images(len(seeds), channels=channels).images
    together = varied(batch, policy, seeds)
    transform = v2.RandAugment() if policy == "randaugment" else v2.TrivialAugmentWide()
    for index, seed in enumerate(seeds):
        torch.manual_seed(seed)
        assert torch.equal(together[index], transform(batch[index]))


@given(seeds=st.lists(st.integers(0, 2**62), min_size=1, max_size=9))
@settings(max_examples=40, deadline=None)
def test_a_batch_is_erased_as_its_images_are(seeds: list[int]) -> None:
    batch = torch.rand(len(seeds), 3, 16, 16) + 1
    together = erased(batch, seeds)
    for index, seed in enumerate(seeds):
        assert torch.equal(together[index], erased(batch[index : index + 1], [seed])[0])
        gone = (together[index] == 0).all(0)
        rows, columns = gone.any(1).sum(), gone.any(0).sum()
        assert int(gone.sum()) == int(rows * columns)  # one rectangle
        assert 0.01 < gone.float().mean() < 0.4
        assert torch.equal(together[index][:, ~gone], batch[index][:, ~gone])


@pytest.mark.parametrize("sampled", ["none", "sampling"])
def test_an_epoch_s_batches_do_not_depend_on_the_batch_size(sampled: Any) -> None:
    """What happens to an image is its own, whatever stands beside it."""
    recipe = replace(EVERYTHING, mixup=0, cutmix=0, balance=sampled)
    resident = images(40, channels=3)
    in_eights, in_fives = (
        torch.cat([batch for batch, _ in TrainingBatches(resident, replace(recipe, batch_size=size), 3).epoch(2)])
        for size in (8, 5)
    )
    assert torch.equal(in_eights, in_fives)


@pytest.mark.parametrize("change", [{}, {"mixup": 0.0, "cutmix": 0.0}])
def test_two_processes_together_see_what_one_sees(change: dict[str, Any]) -> None:
    batches = TrainingBatches(images(43), replace(EVERYTHING, **change), 0)
    parts = [list(batches.epoch(1, rank=rank, world=2)) for rank in (0, 1)]
    for (whole, labels), first, second in zip(batches.epoch(1), *parts, strict=True):
        assert torch.equal(whole, torch.cat([first[0], second[0]]))
        assert torch.equal(labels, torch.cat([first[1], second[1]]))


def test_an_epoch_can_begin_at_any_step() -> None:
    batches = TrainingBatches(images(43), EVERYTHING, 0)
    whole = list(batches.epoch(2))
    for step in range(len(whole) + 1):
        rest = list(batches.epoch(2, after_step=step))
        assert len(rest) == len(whole) - step
        for (images_a, labels_a), (images_b, labels_b) in zip(whole[step:], rest, strict=True):
            assert torch.equal(images_a, images_b)
            assert torch.equal(labels_a, labels_b)


@given(seed=st.integers(0, 2**62), alphas=st.sampled_from([(0.4, 0.0), (0.0, 1.0), (0.4, 1.0)]))
@settings(max_examples=60, deadline=None)
def test_shares_are_what_the_image_has_of_each_class(seed: int, alphas: tuple[float, float]) -> None:
    """Of images that are all of one class's colour, the mean colour is the mean class."""
    labels = torch.arange(8)
    pixels = labels.float().view(-1, 1, 1, 1).expand(-1, 1, 6, 6).contiguous()
    mix, shares = mixed(pixels, labels, 8, mixup=alphas[0], cutmix=alphas[1], seed=seed)
    assert shares.shape == (8, 8)
    assert torch.allclose(shares.sum(1), torch.ones(8))
    assert torch.allclose(mix.mean((1, 2, 3)), shares @ torch.arange(8.0), atol=1e-5)


def test_with_both_alphas_both_mixings_happen() -> None:
    labels = torch.arange(8)
    pixels = labels.float().view(-1, 1, 1, 1).expand(-1, 1, 6, 6).contiguous()
    cut = {
        bool(torch.equal(mix, mix.round()))  # whole numbers: pixels of one image or of the other
        for mix, _ in (mixed(pixels, labels, 8, mixup=0.9, cutmix=0.9, seed=seed) for seed in range(20))
    }
    assert cut == {True, False}


def test_augmentation_leaves_torch_s_stream_alone() -> None:
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    list(TrainingBatches(images(43), EVERYTHING, 0).epoch(1))
    assert torch.equal(torch.rand(3), expected)


def test_a_network_trains_under_all_of_it_and_the_seed_decides() -> None:
    def trained(seed: int, model: nn.Module) -> dict[str, Tensor]:
        train(model, TrainingBatches(images(40), replace(EVERYTHING, balance="loss"), seed), images(16))
        return weights(model)

    assert same(trained(1, network()), trained(1, network()))
    assert not same(trained(1, network()), trained(2, network()))
    assert trained(1, plain_network(classes=5))  # more classes than the training part has


@pytest.mark.parametrize(
    "change", [{"augment": "none"}, {"erasing": 0.0}, {"mixup": 0.0, "cutmix": 0.0}, {"horizontal_flip": False}]
)
def test_each_augmentation_does_something(change: dict[str, Any]) -> None:
    resident = images(40, channels=3)
    [first, *_], [other, *_] = (
        [batch for batch, _ in TrainingBatches(resident, recipe, 0).epoch(1)]
        for recipe in (EVERYTHING, replace(EVERYTHING, **change))
    )
    assert not torch.equal(first, other)


def test_a_policy_refuses_channels_that_have_no_colour() -> None:
    batches = TrainingBatches(images(8, channels=4), EVERYTHING, 0)
    with pytest.raises(RecipeError, match=r"trivialaugment.* 4 channels"):
        next(batches.epoch(1))


def test_the_memory_format_is_kept() -> None:
    resident = images(8, channels=3)
    resident = replace(resident, images=resident.images.contiguous(memory_format=torch.channels_last))
    batch, _ = next(TrainingBatches(resident, replace(EVERYTHING, crop_padding=0), 0).epoch(1))
    assert batch.is_contiguous(memory_format=torch.channels_last)


def test_alternating_flips_show_each_image_both_ways_in_two_epochs() -> None:
    plain = TrainingBatches(images(40), Recipe(epochs=4, batch_size=8, crop_padding=0, horizontal_flip=True), 0)
    alternating = replace(plain, recipe=replace(plain.recipe, alternating_flip=True))
    first, second, third = (alternating.mirrored(epoch) for epoch in (1, 2, 3))
    assert torch.equal(first, plain.mirrored(1))
    assert torch.equal(second, ~first)
    assert torch.equal(third, first)
    assert not torch.equal(plain.mirrored(3), first)

    def seen(epoch: int) -> Tensor:
        given = torch.cat([batch for batch, _ in alternating.epoch(epoch)])
        return given[alternating.order(epoch).argsort()]

    assert torch.equal(seen(1), seen(2).flip(-1))
    assert torch.equal(seen(1), seen(3))
