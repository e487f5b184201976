"""What is known about a comparison before any training, as stored in `start.json`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from convstudy.study.comparisons.results import Protocol
from convstudy.study.models.entrant import CountedLayer, Entrant


@dataclass(frozen=True, kw_only=True)
class Start:
    """Protocol, networks with their layers, versions and hardware, from which a report can be made at any time."""

    protocol: Protocol | None = None
    environment: dict[str, str | int] = field(default_factory=dict)
    entrants: tuple[Entrant, ...] = ()
    expected: Mapping[str, dict[str, Any]] = field(default_factory=dict)  # conditions of the runs, by network
    allow_mixed: bool = False


def layers_of(start: Start) -> dict[str, tuple[CountedLayer, ...]]:
    """Return the layers of each network, by name."""
    return {entrant.name: entrant.layers for entrant in start.entrants}
