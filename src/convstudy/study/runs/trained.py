"""A network when its training has ended."""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from convstudy.study.runs.lr_trial import Trial
from convstudy.study.runs.task import Task
from convstudy.training import Epoch


@dataclass(frozen=True)
class Trained:
    """A network when training has ended, and the task that it ended as; of a grid, the chosen training."""

    task: Task
    network: nn.Module
    epochs: list[Epoch]
    seconds: float  # of training; of a grid, of all its trainings
    notes: tuple[str, ...] = ()  # what was changed for want of memory
    trials: tuple[Trial, ...] = ()

    @property
    def all_epochs(self) -> int:
        """Of all trainings together."""
        return sum(trial.epochs for trial in self.trials) or len(self.epochs)
