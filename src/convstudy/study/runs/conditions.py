"""Everything that decides the result of one run, declared once: for the run's record, and to compare it with others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from convstudy.training import Recipe


@dataclass(frozen=True, kw_only=True)
class Conditions:
    """What two runs must agree in to be runs of one network under one protocol, and the seed that tells them apart."""

    model: str  # the network's name
    code: str  # sha256 of the user's own file or source; empty for a network of the zoo
    input_shape: tuple[int, int, int]  # channels x height x width
    data_fingerprint: str  # of all images and labels
    recipe: Recipe  # as asked for: a grid of learning rates decides `lr` instead
    lr_grid: tuple[float, ...] = ()  # train with each of these, and test the one that the validation set favors
    freeze: bool = False  # train the last linear layer alone
    unfreeze_at: int = 0  # train the whole network after this many frozen epochs; 0: never
    seed: int
    device: str  # type of the device: cpu, cuda or mps
    threads: int  # of torch
    processes: int = 1  # that train together
    convstudy: str  # version of the package
    sources: str  # hash of the sources that decide a result

    def record(self) -> dict[str, Any]:
        """Return all conditions as plain values, as `run.json` holds them."""
        values: dict[str, Any] = {each.name: getattr(self, each.name) for each in fields(Conditions)}
        return values | {"recipe": asdict(self.recipe)}


def conditions_in(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the conditions that a run's record holds; those that it lacks are None.

    >>> conditions_in({"model": "net", "top1": 0.9})["model"]
    'net'
    """
    return {each.name: record.get(each.name) for each in fields(Conditions)}
