"""The learning rate range test: the loss while the learning rate rises, step by step."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass, replace

import torch
from torch import nn

from convstudy.training.batches import TrainingBatches
from convstudy.training.optimiser import set_learning_rate
from convstudy.training.seeds import stream_seed
from convstudy.training.state import TrainingState
from convstudy.training.step import take_step

SMOOTHING, LOST = 0.9, 4.0  # weight of the past in the mean; the loss is lost at this multiple of its best


@dataclass(frozen=True)
class LearningRateRange:
    """Smoothed losses by learning rate, until the loss was lost; and the peak that they suggest."""

    lrs: tuple[float, ...]
    losses: tuple[float, ...]

    @property
    def suggestion(self) -> float:
        """A tenth of the learning rate with the lowest loss, for that one is at the edge (as fastai has it)."""
        return self.lrs[self.losses.index(min(self.losses))] / 10


def learning_rate_range(
    network: nn.Module, batches: TrainingBatches, *, lowest: float = 1e-5, highest: float = 10.0, steps: int = 100
) -> LearningRateRange:
    """Train a copy of `network` with a learning rate that rises from `lowest` to `highest`; the network stays.

    Source: Smith 2017 (Cyclical learning rates), section 3.3, with a geometric rise.
    """
    with torch.random.fork_rng():
        torch.manual_seed(stream_seed(batches.seed, "range"))
        state = TrainingState.of(copy.deepcopy(network).train(), replace(batches.recipe, ema_decay=0.0))
        lrs: list[float] = []
        losses: list[float] = []
        mean, epoch = 0.0, 0
        while len(lrs) < steps:
            epoch += 1
            for images, labels in batches.epoch(epoch):
                lr = lowest * (highest / lowest) ** (len(lrs) / max(1, steps - 1))
                set_learning_rate(state.optimiser, lr)
                loss = take_step(state, batches, images, labels)[0].item()
                mean = SMOOTHING * mean + (1 - SMOOTHING) * loss
                smoothed = mean / (1 - SMOOTHING ** (len(lrs) + 1))
                if not math.isfinite(loss) or (losses and smoothed > LOST * min(losses)):
                    return LearningRateRange(tuple(lrs) or (lr,), tuple(losses) or (loss,))
                lrs.append(lr)
                losses.append(smoothed)
                if len(lrs) == steps:
                    break
        return LearningRateRange(tuple(lrs), tuple(losses))
