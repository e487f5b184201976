"""What one epoch of training measured."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from convstudy.errors import DivergedError
from convstudy.processes import raise_once, summed


@dataclass(frozen=True)
class Epoch:
    """One line of a run's `epochs.csv`. Losses are in nats, accuracies fractions of 1."""

    epoch: int  # from 1
    lr: float  # at the epoch's last step
    train_loss: float
    train_top1: float  # on augmented batches, while the weights moved
    validation_loss: float  # NaN without a validation part
    validation_top1: float
    seconds: float  # of the training steps, validation left out


@dataclass
class Tally:
    """Losses and right answers of an epoch so far, fetched from the device only when they are looked at.

    Of several processes each adds its share of a loss, and what is looked at is the sum of all.
    """

    epoch: int
    seen: int = 0
    losses: list[float] = field(default_factory=list)  # a step
    lrs: list[float] = field(default_factory=list)  # a step
    correct: int = 0
    waiting: list[tuple[Tensor, Tensor]] = field(default_factory=list)

    def add(self, loss: Tensor, correct: Tensor, images: int, lr: float) -> None:
        """Note one step: its loss, its right answers among `images` (of all processes), its learning rate."""
        self.seen += images
        self.waiting.append((loss, correct))
        self.lrs.append(lr)

    def look(self) -> None:
        """Fetch what is waiting.

        Raises: DivergedError, with epoch, step and learning rate, at the first loss that is not finite.
        """
        losses, correct = zip(*self.waiting, strict=True)
        self.waiting.clear()
        *over_all, right = summed(torch.stack([*losses, torch.stack(correct).sum()]).cpu().double()).tolist()
        for loss in over_all:
            self.losses.append(loss)
            if not math.isfinite(loss):
                raise_once(
                    DivergedError(
                        f"the loss is {loss} at epoch {self.epoch}, step {len(self.losses)}, with a learning rate of "
                        f"{self.lrs[len(self.losses) - 1]:.3g}; try a smaller --lr"
                    )
                )
        self.correct += int(right)

    def so_far(self) -> dict[str, Any]:
        """What has been fetched, to go on from."""
        return {"seen": self.seen, "losses": list(self.losses), "lrs": list(self.lrs), "correct": self.correct}

    @property
    def mean_loss(self) -> float:
        return sum(self.losses) / len(self.losses)

    @property
    def top1(self) -> float:
        return self.correct / self.seen
