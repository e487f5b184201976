"""The task of one run."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from convstudy.data import DataSet
from convstudy.study.models.opening import Model
from convstudy.study.runs.claim import Ticket
from convstudy.study.runs.conditions import Conditions
from convstudy.study.runs.data_record import DataRecord
from convstudy.study.runs.folder import RunFolder


@dataclass(frozen=True, kw_only=True)
class Task(Conditions):
    """The conditions of a run, and everything else that a process needs to perform it."""

    opened: Model  # the network named by `model`
    data: DataSet  # resized to the network's input
    origin: DataRecord
    on: torch.device  # the device that trains
    folder: RunFolder
    index: int  # of the run in its study, from 1
    measures_cost: bool = True  # at its end; a comparison measures its networks after all runs
    ticket: Ticket | None = None  # of the claim under which it is performed; None: of no claim
    notes: tuple[str, ...] = ()  # how settings were chosen, for the run's record

    @property
    def title(self) -> str:
        """Network and seed, as the run is called in messages."""
        return f"{self.model}, seed {self.seed}"
