"""What one run is asked to do."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from convstudy.data import DataSet
from convstudy.study.runs.data_record import DataRecord
from convstudy.study.runs.folder import RunFolder
from convstudy.training import Recipe


@dataclass(frozen=True)
class Task:
    """All that one run needs, so that any process can perform it."""

    model: str  # the network's name
    input_shape: tuple[int, int, int]
    data: DataSet  # with the side of the network's input
    origin: DataRecord
    recipe: Recipe
    seed: int
    device: torch.device
    folder: RunFolder
    index: int  # from 1
    freeze: bool = False  # train the last linear layer alone
    unfreeze_at: int = 0  # and the whole network after so many epochs; 0: never
    lr_grid: tuple[float, ...] = ()  # train with each of these learning rates, and test what validation favours
    notes: tuple[str, ...] = ()  # how its settings came about, for its record
