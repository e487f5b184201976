"""Images that a run shares with others: its batches are those of a copy of its own, bit for bit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from convstudy.data import DataSet, ImageSet, resize, split_validation
from convstudy.data.rows import Rows
from convstudy.inference import ResidentImages, predict
from convstudy.training import Recipe, TrainingBatches, train
from tests.training.made_up import network, same, weights

LAYOUTS = (torch.contiguous_format, torch.channels_last)
RECIPE = Recipe(epochs=1, batch_size=8, horizontal_flip=True, crop_padding=0.125)


def images_of(channels: int) -> ImageSet:
    pixels = np.random.default_rng(0).integers(0, 256, (60, channels, 8, 8), np.uint8)
    return ImageSet(pixels, np.arange(60) % 2, tuple(map(str, range(60))))


def resident(part: ImageSet, layout: torch.memory_format) -> ResidentImages:
    channels = part.images.shape[1]
    constants = (0.4,) * channels, (0.2,) * channels
    cpu = torch.device("cpu")
    return ResidentImages.of(part.images, part.labels, mean=constants[0], std=constants[1], device=cpu, layout=layout)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("channels", [1, 3])
def test_shared_images_give_the_batches_and_weights_of_a_copy(channels: int, layout: torch.memory_format) -> None:
    copied = split_validation(images_of(channels), seed=3)
    shared = split_validation(images_of(channels).interleaved().sharing(), seed=3)
    trained = []
    for training, validation in (copied, shared):
        mine = network(channels=channels).to(memory_format=layout)
        batches, checked = TrainingBatches(resident(training, layout), RECIPE, 0), resident(validation, layout)
        history = train(mine, batches, checked)
        trained.append((history[0].validation_loss, weights(mine), predict(mine, checked), [*batches.epoch(1)]))
    (loss, its, answers, steps), (other_loss, others, other_answers, other_steps) = trained
    assert loss == other_loss
    assert same(its, others)
    assert torch.equal(answers, other_answers)
    for (images, labels), (other_images, other_labels) in zip(steps, other_steps, strict=True):
        assert torch.equal(images, other_images)
        assert torch.equal(labels, other_labels)
        assert images.stride() == other_images.stride()


def test_the_parts_of_a_shared_split_have_no_images_of_their_own() -> None:
    whole = images_of(3)
    parts = split_validation(whole.sharing(), seed=0)
    for part, copied in zip(parts, split_validation(whole, seed=0), strict=True):
        assert isinstance(part.images, Rows)
        assert part.images.whole is whole.images
        assert part.ids == copied.ids
        assert part.digests == copied.digests
        np.testing.assert_array_equal(part.images[:], copied.images)
        np.testing.assert_array_equal(part.images[2:5, 1], copied.images[2:5, 1])
        own = resident(part, torch.contiguous_format)
        assert own.images.data_ptr() == whole.images.__array_interface__["data"][0]
        tensor = torch.from_numpy(copied.images)
        for rank in range(3):
            places = torch.arange(len(part)).tensor_split(3)[rank]
            assert torch.equal(own.part(rank, 3).at(torch.arange(len(places))), tensor[places])


@pytest.mark.parametrize("layout", [torch.preserve_format, *LAYOUTS])
def test_on_another_device_a_part_has_its_own_images(layout: torch.memory_format) -> None:
    training, _ = split_validation(images_of(3).sharing(), seed=0)
    device = torch.device("meta")
    found = ResidentImages.of(training.images, training.labels, mean=(0.4,), std=(0.2,), device=device, layout=layout)
    assert found.images.shape == (len(training), 3, 8, 8)
    assert found.places is None
    assert found.images.device == found.labels.device == device
    expected = torch.contiguous_format if layout == torch.preserve_format else layout
    assert found.images.is_contiguous(memory_format=expected)


def test_images_in_another_order_in_memory_are_the_same_data() -> None:
    given, same_images = images_of(3), images_of(3).interleaved()
    pixels = given.images.copy()
    assert same_images.images.strides == (192, 1, 24, 3)
    np.testing.assert_array_equal(same_images.images, pixels)
    np.testing.assert_array_equal(resize(same_images.images, 5), resize(pixels, 5))
    assert replace(same_images).digests == given.digests  # computed anew
    data = [DataSet("x", "", ("a", "b"), part, None, part, horizontal_flip=True) for part in (given, same_images)]
    assert data[0].fingerprint == data[1].fingerprint


def test_only_images_of_several_channels_that_may_be_changed_are_reordered() -> None:
    gray, color = images_of(1), images_of(3)
    color.images.flags.writeable = False
    for part in (gray, color, color.sharing()):
        assert part.interleaved() is part
