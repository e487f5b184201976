"""A network when its training has ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import nn

from convstudy.study.runs.lr_trial import Trial
from convstudy.study.runs.task import Task
from convstudy.training import Epoch


@dataclass(frozen=True, kw_only=True)
class Trained:
    """A trained network and how it was trained; with a grid of learning rates, the training that was chosen."""

    task: Task
    network: nn.Module
    lr: float  # that it was trained with
    epochs: Sequence[Epoch]
    seconds: float  # of training; with a grid, of all its trainings
    notes: tuple[str, ...] = ()  # what was changed when memory ran out
    trials: tuple[Trial, ...] = ()

    @property
    def all_epochs(self) -> int:
        """The number of epochs of all trainings together."""
        return sum(trial.epochs for trial in self.trials) or len(self.epochs)
