"""Mixed precision: the network answers in bfloat16, weights and losses stay float32, and a run is exact as ever."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from convstudy.training import Progress, Recipe, TrainingBatches, train
from convstudy.training.objective import objective
from tests.training.made_up import close, images, network, plain_network, same, weights

RECIPE = Recipe(epochs=3, batch_size=8, lr=0.05, ema_decay=0.9, horizontal_flip=True, amp=True, channels_last=True)


def trained(model: nn.Module, recipe: Recipe) -> dict[str, Tensor]:
    train(model, TrainingBatches(images(40), recipe, seed=1), images(16))
    return weights(model)


def test_the_network_answers_in_bfloat16_and_its_weights_are_float32() -> None:
    seen: set[torch.dtype] = set()
    model = plain_network()
    model[-1].register_forward_hook(lambda layer, given, output: seen.add(output.dtype) if layer.training else None)
    after = trained(model, RECIPE)
    assert seen == {torch.bfloat16}
    assert {value.dtype for value in after.values()} == {torch.float32}


def test_it_ends_near_float32_and_not_at_it() -> None:
    mixed, plain = trained(plain_network(), RECIPE), trained(plain_network(), replace(RECIPE, amp=False))
    assert close(mixed, plain, 0.05)
    assert not close(mixed, plain, 1e-4)


def test_the_loss_is_float32() -> None:
    logits = torch.randn(4, 3, generator=torch.Generator().manual_seed(0)).bfloat16()
    loss, given = objective((logits, logits), torch.arange(4) % 3, 0.1)
    assert loss.dtype == given.dtype == torch.float32


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_an_interrupted_run_ends_with_the_same_bits(tmp_path: Path, layout: torch.memory_format) -> None:
    def model() -> nn.Module:
        return network(seed=3).to(memory_format=layout)

    def stop(progress: Progress) -> None:
        if progress.epoch == 2:
            raise InterruptedError

    batches, checkpoint = TrainingBatches(images(100), RECIPE, 0), tmp_path / "checkpoint.pt"
    whole, broken, resumed = model(), model(), model()
    train(whole, batches, images(16))
    with pytest.raises(InterruptedError):
        train(broken, batches, images(16), checkpoint=checkpoint, checkpoint_seconds=0, on_step=stop)
    train(resumed, batches, images(16), checkpoint=checkpoint)
    assert same(weights(whole), weights(resumed))
    assert not same(weights(whole), weights(broken))
