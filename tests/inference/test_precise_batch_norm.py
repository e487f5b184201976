"""Running statistics computed anew are the averages over the images, and nothing else changes."""

from __future__ import annotations

import torch
from torch import nn

from convstudy.inference import ResidentImages
from convstudy.inference.precise_batch_norm import has_running_statistics, with_precise_statistics

IMAGES = ResidentImages(
    torch.randint(256, (300, 1, 6, 6), generator=torch.Generator().manual_seed(0), dtype=torch.uint8),
    torch.zeros(300, dtype=torch.int64),
    mean=(0.5,),
    std=(0.25,),
)


def test_one_batch_of_all_images_has_their_mean_and_variance() -> None:
    few = ResidentImages(IMAGES.images[:200], IMAGES.labels[:200], mean=IMAGES.mean, std=IMAGES.std)
    norm = nn.BatchNorm2d(1)
    precise = with_precise_statistics(nn.Sequential(norm, nn.Dropout(0.9)), few)
    pixels = few.normalized(few.images)
    assert isinstance(precise[0], nn.BatchNorm2d)  # type: ignore[index]
    buffers = dict(precise.named_buffers())
    torch.testing.assert_close(buffers["0.running_mean"], pixels.mean((0, 2, 3)))
    torch.testing.assert_close(buffers["0.running_var"], pixels.var((0, 2, 3)))


def test_a_forgetful_momentum_does_not_matter_and_the_network_stays_as_it_was() -> None:
    torch.manual_seed(1)
    network = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4, momentum=0.001), nn.Dropout(0.5))
    before = {name: value.clone() for name, value in network.state_dict().items()}
    random = torch.get_rng_state()
    precise = with_precise_statistics(network, IMAGES)
    assert torch.equal(torch.get_rng_state(), random)
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert network.training
    assert not precise.training
    outputs = precise(IMAGES.normalized(IMAGES.images))
    torch.testing.assert_close(outputs.mean((0, 2, 3)), torch.zeros(4), atol=0.02, rtol=0)
    torch.testing.assert_close(outputs.std((0, 2, 3)), torch.ones(4), atol=0.02, rtol=0)
    assert next(precise.parameters()) is next(network.parameters())


def test_which_networks_have_such_statistics() -> None:
    assert has_running_statistics(nn.Sequential(nn.BatchNorm1d(3)))
    assert not has_running_statistics(nn.Sequential(nn.BatchNorm2d(3, track_running_stats=False), nn.GroupNorm(1, 3)))
