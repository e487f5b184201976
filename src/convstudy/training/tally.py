"""Losses and right answers of the epoch that is being trained."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from convstudy.errors import DivergedError
from convstudy.processes import raise_once, summed


@dataclass
class Tally:
    """Losses and right answers of an epoch so far, fetched from the device only when they are needed.

    With several processes each adds its share of a loss, and fetched values are sums over all processes.
    """

    epoch: int
    seen: int = 0
    losses: list[float] = field(default_factory=list)  # per step
    lrs: list[float] = field(default_factory=list)  # per step
    correct: int = 0
    waiting: list[tuple[Tensor, Tensor]] = field(default_factory=list)

    def add(self, loss: Tensor, correct: Tensor, images: int, lr: float) -> None:
        """Record one step: its loss, its right answers among `images` (of all processes), and its learning rate."""
        self.seen += images
        self.waiting.append((loss, correct))
        self.lrs.append(lr)

    def look(self) -> None:
        """Fetch the pending values.

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
                        f"{self.lrs[len(self.losses) - 1]:.3g}; try a smaller learning rate"
                    )
                )
        self.correct += int(right)

    def so_far(self) -> dict[str, Any]:
        """Return the fetched values, to continue from."""
        return {"seen": self.seen, "losses": list(self.losses), "lrs": list(self.lrs), "correct": self.correct}

    @property
    def mean_loss(self) -> float:
        return sum(self.losses) / len(self.losses)

    @property
    def top1(self) -> float:
        return self.correct / self.seen
