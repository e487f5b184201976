"""The range test leaves the network as it was, and suggests a learning rate below where the loss is lost."""

from __future__ import annotations

import torch

from convstudy.training import Recipe, TrainingBatches
from convstudy.training.range_test import learning_rate_range
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
