"""The metrics of one training epoch."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Epoch:
    """One line of a run's `epochs.csv`. Losses are in nats, accuracies are fractions of 1."""

    epoch: int  # from 1
    lr: float  # at the epoch's last step
    train_loss: float
    train_top1: float  # on augmented batches, while the weights moved
    validation_loss: float  # NaN without a validation set
    validation_top1: float
    seconds: float  # of the training steps, without validation
