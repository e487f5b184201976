"""Result of a run's training, before the test set is opened."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import nn

from convstudy.study.runs.lr_trial import Trial
from convstudy.study.runs.task import Task
from convstudy.training import Epoch


@dataclass(frozen=True, kw_only=True)
class Trained:
    """A trained network with its epochs; with a grid of learning rates, those of the best training."""

    task: Task
    network: nn.Module
    lr: float  # the learning rate of this training
    epochs: Sequence[Epoch]
    seconds: float  # of training; with a grid, of all trainings together
    notes: tuple[str, ...] = ()  # changes that were made when out of memory
    trials: tuple[Trial, ...] = ()  # all trainings of a grid

    @property
    def all_epochs(self) -> int:
        """Number of epochs of all trainings together."""
        return sum(trial.epochs for trial in self.trials) or len(self.epochs)
