"""The learning-rate range test: the loss while the learning rate increases step by step."""

from __future__ import annotations

import copy
import math
import statistics
from dataclasses import dataclass, replace

import torch
from torch import nn

from convstudy.training.batches import TrainingBatches
from convstudy.training.optimizer import set_learning_rate
from convstudy.training.seeds import stream_seed
from convstudy.training.state import TrainingState
from convstudy.training.step import take_step

SMOOTHING, DIVERGED = 0.9, 4.0  # weight of the past; multiple of the best loss that counts as divergence
LOST = 1.5  # multiple of the best loss after which the network counts as lost, even if its loss falls again
UNSTEADY = round(1 / (1 - SMOOTHING))  # steps after which the smoothed loss is no longer that of a few batches


@dataclass(frozen=True)
class LearningRateRange:
    """Smoothed losses by learning rate until training diverged, and the suggested peak."""

    lrs: tuple[float, ...]
    losses: tuple[float, ...]

    @property
    def lowest(self) -> int:
        """Index of the lowest loss before the network was lost.

        The first steps, where it is the loss of a few batches, count only if there are no others. A network that was
        lost may return to the loss of guessing, with dead units.
        """
        lowest = self._steady
        for index in range(self._steady, len(self.losses)):
            if self.losses[index] > LOST * self.losses[lowest]:
                break
            lowest = min(lowest, index, key=self.losses.__getitem__)
        return lowest

    @property
    def suggestion(self) -> float:
        """One tenth of the learning rate with the lowest loss, which is at the edge of stability (as in fastai)."""
        return self.lrs[self.lowest] / 10

    @property
    def fall(self) -> float:
        """Fraction by which the loss fell, from its median before the lowest one, which noise of batches hardly moves.

        >>> LearningRateRange((0.01, 0.1, 1.0), (2.0, 1.5, 4.0)).fall
        0.25
        """
        before = self.losses[self._steady : self.lowest] or self.losses[: self.lowest + 1]
        usual = statistics.median(before)
        return 1 - self.losses[self.lowest] / usual if usual else 0.0

    @property
    def _steady(self) -> int:
        return UNSTEADY if len(self.losses) > UNSTEADY else 0


def learning_rate_range(
    network: nn.Module, batches: TrainingBatches, *, lowest: float = 1e-5, highest: float = 10.0, steps: int = 100
) -> LearningRateRange:
    """Train a copy of `network` with a learning rate that increases from `lowest` to `highest`.

    The network itself is unchanged.

    Source: Smith 2017 (Cyclical learning rates), section 3.3, with a geometric increase.
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
                set_learning_rate(state.optimizer, lr)
                loss = take_step(state, batches, images, labels)[0].item()
                mean = SMOOTHING * mean + (1 - SMOOTHING) * loss
                smoothed = mean / (1 - SMOOTHING ** (len(lrs) + 1))
                if not math.isfinite(loss) or (losses and smoothed > DIVERGED * min(losses)):
                    return LearningRateRange(tuple(lrs) or (lr,), tuple(losses) or (loss,))
                lrs.append(lr)
                losses.append(smoothed)
                if len(lrs) == steps:
                    break
        return LearningRateRange(tuple(lrs), tuple(losses))
