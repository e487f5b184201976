"""Conditions: everything that affects the result of one run, for its record and for comparison with other runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from convstudy.training import Recipe


@dataclass(frozen=True, kw_only=True)
class Conditions:
    """Everything that affects the result of a run: runs of one network under one protocol differ only in the seed."""

    model: str  # name of the network
    code: str  # sha256 of the user's file or source; empty for a network of the zoo
    input_shape: tuple[int, int, int]  # channels x height x width
    data_fingerprint: str  # of all images and labels
    recipe: Recipe  # as requested; with a grid of learning rates, `lr` comes from the grid
    lr_grid: tuple[float, ...] = ()  # train with each of these and test the best one on the validation set
    freeze: bool = False  # train only the last linear layer
    unfreeze_at: int = 0  # train the whole network after this many epochs; 0: never
    folds: int | None = None  # of a cross-validation, of which the seed decides the one to test on
    seed: int
    device: str  # device type: cpu, cuda or mps
    threads: int  # CPU threads of torch
    processes: int = 1  # number of processes that train together
    convstudy: str  # version of the package
    sources: str  # hash of the deciding sources

    def record(self) -> dict[str, Any]:
        """Return all conditions as plain values, as `run.json` holds them."""
        values: dict[str, Any] = {each.name: getattr(self, each.name) for each in fields(Conditions)}
        return values | {"recipe": asdict(self.recipe)}


def conditions_in(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the conditions stored in a run's record; missing ones are None.

    >>> conditions_in({"model": "net", "top1": 0.9})["model"]
    'net'
    """
    return {each.name: record.get(each.name) for each in fields(Conditions)}
