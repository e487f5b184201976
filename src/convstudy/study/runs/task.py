"""What one run is asked to do."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from convstudy.data import DataSet
from convstudy.study.models.opening import Model
from convstudy.study.runs.conditions import Conditions
from convstudy.study.runs.data_record import DataRecord
from convstudy.study.runs.folder import RunFolder


@dataclass(frozen=True, kw_only=True)
class Task(Conditions):
    """A run's conditions, and everything else that any process needs to perform it."""

    opened: Model  # the network that `model` names
    data: DataSet  # at the side of the network's input
    origin: DataRecord
    on: torch.device
    folder: RunFolder
    index: int  # from 1
    notes: tuple[str, ...] = ()  # how its settings came about, for its record

    @property
    def title(self) -> str:
        """The run in messages: its network and seed."""
        return f"{self.model}, seed {self.seed}"
