"""What is known of a comparison before any training, as `start.json` holds it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from convstudy.study.comparisons.results import Protocol
from convstudy.study.models.entrant import CountedLayer, Entrant


@dataclass(frozen=True, kw_only=True)
class Start:
    """The protocol, the networks and their layers, versions and hardware: a report can be drawn from it at any time."""

    protocol: Protocol | None = None
    environment: dict[str, str | int] = field(default_factory=dict)
    entrants: tuple[Entrant, ...] = ()
    expected: Mapping[str, dict[str, Any]] = field(default_factory=dict)  # conditions of each network's runs
    allow_mixed: bool = False


def layers_of(start: Start) -> dict[str, tuple[CountedLayer, ...]]:
    """Return the layers of each network, by its name."""
    return {entrant.name: entrant.layers for entrant in start.entrants}
