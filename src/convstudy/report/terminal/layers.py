"""One network, layer by layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.text import Text

from convstudy.report import numbers
from convstudy.report.terminal.table import plain_table


class Layer(Protocol):
    """A row of a layer table; shapes are those of one image, channels first."""

    @property
    def path(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def output_shape(self) -> tuple[int, ...]: ...
    @property
    def activation_size(self) -> int: ...
    @property
    def parameters(self) -> int: ...
    @property
    def macs(self) -> int: ...


class Totals(Protocol):
    """The sums of a layer table."""

    @property
    def activation_size(self) -> int: ...
    @property
    def parameters(self) -> int: ...
    @property
    def macs(self) -> int: ...


class Uncounted(Protocol):
    """An operation without a formula, and the module that it is in."""

    @property
    def operation(self) -> str: ...
    @property
    def path(self) -> str: ...


class Layers(Protocol):
    """A counted network: what `convstudy.analysis` gives."""

    @property
    def rows(self) -> Sequence[Layer]: ...
    @property
    def totals(self) -> Totals: ...
    @property
    def uncounted(self) -> Sequence[Uncounted]: ...


CONVENTION = (
    "For one image. MACs: multiply-accumulates of the forward pass. Activation size: elements of a layer's output. "
    "Parameters: weights and biases."
)
WIDTH_FOR_EXACT_MACS = 100  # columns


def layer_table(layers: Layers) -> RenderableType:
    """Draw a network's layers: path, kind, output shape, activation size, parameters, MACs, and the totals.

    MACs are exact where the terminal has 100 columns, else in G, M or K; the exact total stands below the table.
    """
    return LayerDrawing(layers)


@dataclass(frozen=True)
class LayerDrawing:
    """A layer table that looks how wide the terminal is when it is drawn."""

    layers: Layers

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        write_macs = numbers.count if options.max_width >= WIDTH_FOR_EXACT_MACS else numbers.scaled
        totals, lower = self.layers.totals, "at least " if self.layers.uncounted else ""
        table = plain_table("layer", "kind", numeric=("output\nshape", "activation\nsize", "parameters", "MACs"))
        table.show_footer = True
        for row in self.layers.rows:
            table.add_row(
                Text(row.path),
                Text(row.kind),
                "×".join(map(str, row.output_shape)),
                numbers.count(row.activation_size),
                numbers.count(row.parameters),
                write_macs(row.macs),
            )
        for column, total in zip(
            (0, 3, 4, 5),
            ("total", numbers.count(totals.activation_size), numbers.count(totals.parameters), write_macs(totals.macs)),
            strict=True,
        ):
            table.columns[column].footer = total
        yield table
        yield Text(f"\n{numbers.count(totals.parameters)} parameters, {lower}{numbers.count(totals.macs)} MACs")
        yield Text(CONVENTION, style="dim")
        if self.layers.uncounted:
            names = sorted({f"{each.operation} in {each.path}" for each in self.layers.uncounted})
            yield Text(f"uncounted, for there is no formula: {', '.join(names)}", style="yellow")
