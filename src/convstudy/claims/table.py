"""A claimed layer table: what somebody says a network's shapes, sizes and counts are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from convstudy.claims.layer_text import LayerText
from convstudy.claims.printed_number import PrintedNumber
from convstudy.claims.printed_shape import Layout, Shape, in_layout

Quantity = Literal["output_shape", "activation_size", "parameters", "macs"]
QUANTITIES: tuple[Quantity, ...] = ("output_shape", "activation_size", "parameters", "macs")
Printer = Literal["keras", "torchinfo", "torchsummary", "model"]


@dataclass(frozen=True)
class ClaimedRow:
    """One row: its label as printed, what it says of its layer, and the claims; shapes are channels first."""

    label: str
    layer: LayerText
    shape: Shape | None = None
    input_shape: Shape | None = None
    numbers: Mapping[str, PrintedNumber] = field(default_factory=dict)
    inputs: tuple[str, ...] = ()  # the labels that a Keras printout says it is connected to


@dataclass(frozen=True)
class ClaimedTable:
    """The rows, the headers as printed by the quantity below them, and the layout that the shapes are printed in."""

    source: str
    rows: tuple[ClaimedRow, ...]
    columns: Mapping[str, str]
    layout: Layout = "channels first"
    printed_by: Printer | None = None
    notes: tuple[str, ...] = ()

    def printed(self, shape: Shape) -> str:
        """A shape as this table prints it.

        >>> ClaimedTable("homework.tsv", (), {}, "channels last").printed((8, 28, 28))
        '(28,28,8)'
        """
        return f"({','.join(str(extent) for extent in in_layout(shape, self.layout))})"
