"""A claimed layer table: the shapes, sizes and counts that a source states for the layers of a network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from convstudy.claims.layer_text import LayerText
from convstudy.claims.printed_number import PrintedNumber
from convstudy.claims.printed_shape import Layout, Shape, in_layout

Quantity = Literal["output_shape", "activation_size", "parameters", "weights", "biases", "macs"]
QUANTITIES: tuple[Quantity, ...] = ("output_shape", "activation_size", "parameters", "weights", "biases", "macs")
NUMBERS: tuple[Quantity, ...] = QUANTITIES[1:]
Printer = Literal["keras", "torchinfo", "torchsummary", "mxnet", "lightning", "flax", "caffe", "cs231n", "model"]


@dataclass(frozen=True)
class ClaimedRow:
    """One row: its label as printed, its stated settings, and its claims; shapes are channels first.

    `inputs` are the labels that a printout lists as the row's inputs. `unreadable` has the text of each cell that is
    neither a number nor a shape, with the reason.
    """

    label: str
    layer: LayerText
    shape: Shape | None = None
    input_shape: Shape | None = None
    numbers: Mapping[str, PrintedNumber] = field(default_factory=dict)
    inputs: tuple[str, ...] = ()
    unreadable: Mapping[str, tuple[str, str]] = field(default_factory=dict)


@dataclass(frozen=True)
class ClaimedTable:
    """The rows, the printed header of each quantity, and the layout of the printed shapes.

    `others` are the further tables of the same file; `title` names this one among them. `batch_size` is the printed
    batch, if the tool counts operations over it. `settings` are the headers of columns of kernels, strides etc. `cells`
    are the header and the rows as printed, and `places` the columns of the quantities in them; `inputs_place` is the
    column of input shapes, which alone prints the outputs if no other column does: each in the next row.
    """

    source: str
    rows: tuple[ClaimedRow, ...]
    columns: Mapping[str, str]
    layout: Layout = "channels first"
    printed_by: Printer | None = None
    notes: tuple[str, ...] = ()
    batch_size: int | None = None
    title: str = ""
    settings: Mapping[str, str] = field(default_factory=dict)
    cells: tuple[tuple[str, ...], ...] = field(default=(), repr=False)
    places: Mapping[str, int] = field(default_factory=dict, repr=False)
    inputs_place: int | None = field(default=None, repr=False)
    others: tuple[ClaimedTable, ...] = ()

    def printed(self, shape: Shape) -> str:
        """Return a shape as this table prints it.

        >>> ClaimedTable("homework.tsv", (), {}, "channels last").printed((8, 28, 28))
        '(28,28,8)'
        """
        return f"({','.join(str(extent) for extent in in_layout(shape, self.layout))})"
