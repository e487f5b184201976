"""Entrants: the networks of a comparison with their input size and cost."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from convstudy.analysis import LayerRow


@dataclass(frozen=True, kw_only=True)
class CountedLayer:
    """One layer of a network, with the counts that a report shows."""

    path: str
    kind: str
    output_shape: tuple[int, ...]
    activation_size: int
    parameters: int
    macs: int

    @classmethod
    def of(cls, row: LayerRow) -> CountedLayer:
        """Return the counts that a report shows, from a row of a layer table."""
        return cls(**{each.name: getattr(row, each.name) for each in fields(cls)})


@dataclass(frozen=True, kw_only=True)
class Entrant:
    """One network of a comparison: name, folder, input shape, classes, and cost per image."""

    name: str
    folder: str
    code: str  # sha256 of the user's file of code or weights; empty if there is none
    input_shape: tuple[int, int, int]  # channels x height x width
    num_classes: int
    parameters: int
    macs: int
    activation_size: int
    channels_last: bool = False  # whether it trains faster in this memory format on a CPU, by rule
    uncounted: tuple[str, ...] = ()  # operations without a formula; if there are any, the counts are lower bounds
    layers: tuple[CountedLayer, ...] = ()
