"""The range test leaves the network as it was, and suggests a learning rate below where the loss is lost."""

from __future__ import annotations

import pytest
import torch

from convstudy.training import Recipe, TrainingBatches
from convstudy.training.range_test import LearningRateRange, learning_rate_range
from tests.training.made_up import images, network, same, weights


def test_the_suggestion_is_a_tenth_of_the_best_and_nothing_is_changed() -> None:
    model = network()
    before, stream = weights(model), torch.get_rng_state()
    found = learning_rate_range(model, TrainingBatches(images(64), Recipe(batch_size=8), 0), highest=1e4, steps=60)
    assert same(weights(model), before)
    assert torch.equal(torch.get_rng_state(), stream)
    best = min(range(len(found.losses)), key=lambda index: found.losses[index])
    assert found.suggestion == found.lrs[best] / 10
    assert len(found.lrs) == len(found.losses) < 60  # it stops where the loss is lost
    assert list(found.lrs) == sorted(found.lrs)
    assert found.losses[best] < found.losses[0]
    assert found.lrs[best] > 100 * found.lrs[0]


def test_the_loss_of_the_first_batches_decides_nothing() -> None:
    """They are hardly smoothed: here the first one is the lowest of all by chance."""
    losses = (2.0, *[2.3] * 49, *[2.3 - 0.01 * step for step in range(10)], *[3.0] * 10)
    found = LearningRateRange(tuple(1e-5 * 1.2**step for step in range(len(losses))), losses)
    assert found.lowest == 59
    assert found.suggestion == found.lrs[59] / 10
    assert found.fall == pytest.approx(0.09 / 2.3)


def test_a_loss_that_does_not_move_did_not_fall() -> None:
    lrs = tuple(1e-5 * 1.2**step for step in range(50))
    assert LearningRateRange(lrs, (1.1,) * 50).fall == 0
    assert LearningRateRange(lrs, (0.0,) * 50).fall == 0
    assert LearningRateRange(lrs, tuple(1 + step / 10 for step in range(50))).fall < 0.005


def test_a_network_that_was_lost_and_guesses_again_suggests_nothing() -> None:
    """As AlexNet on the digits: its loss falls, doubles, and comes down to that of guessing at any higher rate."""
    falling = (*[3.0] * 20, *[3.0 - step / 100 for step in range(20)])
    losses = (*falling, *[6.0 - step / 10 for step in range(36)])
    found = LearningRateRange(tuple(1e-5 * 1.2**step for step in range(len(losses))), losses)
    assert min(losses) < min(falling)
    assert found.lowest == 39
