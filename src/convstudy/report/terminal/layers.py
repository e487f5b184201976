"""The layer table of a network."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

from convstudy.analysis import Block, LayerRow, LayerTable, TrainingMemory, fold
from convstudy.report import numbers
from convstudy.report.terminal.table import natural_width, plain_table

CONVENTION = (
    "Per {one}. MACs: multiply-accumulates of convolutions and matrix products, without biases. Activation size: "
    "number of values that a layer computes. Parameters: weights and biases."
)
STEPS = {
    "fake tensors": "Counted with fake tensors, because the network reads constants of its own or asks for the device.",
    "forward pass": "Counted in a forward pass on the CPU, because the network reads values that depend on its input.",
}
EXACT_MACS, RECEPTIVE_FIELD, BYTES = 100, 124, 150  # minimum widths of a terminal, in columns, for these


def layer_table(table: LayerTable, *, memory: TrainingMemory | None = None, folded: bool = False) -> RenderableType:
    """Draw a network's layers: path, kind, output shape, activation size, parameters, MACs, and the totals.

    Wider terminals show more: exact MACs, then receptive field and stride, then bytes. `folded`: draw repeated blocks
    once, with the number of repetitions.
    """
    return LayerDrawing(table, memory, folded)


@dataclass(frozen=True)
class LayerDrawing:
    """A layer table that chooses its columns by the width of the terminal when it is drawn."""

    table: LayerTable
    memory: TrainingMemory | None
    folded: bool

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        blocks = fold(self.table.rows)
        shown = blocks if self.folded else [Block((row,), 1, row.path) for row in self.table.rows]
        drawn = _drawn(self.table, shown, options.max_width)
        if natural_width(drawn) > options.max_width:
            drawn.columns[1].max_width = len("BatchNorm2d")  # leave the width to the path
        yield drawn
        yield Text()
        yield from _totals(self.table)
        if self.memory:
            yield from _memory(self.memory, _one(self.table))
        yield from (Text(line) for line in _remarks(self.table.rows))
        if self.folded and any(block.times > 1 for block in blocks):
            yield Text("× n: the rows below are repeated n times; their numbers are for one repetition", style="dim")
        yield Text(CONVENTION.format(one=_one(self.table)), style="dim")
        if self.table.uncounted:
            names = sorted({f"{each.operation} in {each.path}" for each in self.table.uncounted})
            yield Text(f"not counted, because no formula is known: {', '.join(names)}", style="yellow")
        if self.table.failure:
            yield Text(f"lower bound, with the layers up to a failure: {self.table.failure}", style="yellow")
        if self.table.step in STEPS:
            yield Text(STEPS[self.table.step], style="dim")
        lines = sum(len(block.rows) for block in blocks)
        if not self.folded and lines <= len(self.table.rows) * 2 / 3:
            yield Text(
                f"--fold shows repeated blocks once: {lines} rows instead of {len(self.table.rows)}", style="dim"
            )


def _drawn(table: LayerTable, blocks: Sequence[Block], width: int) -> Table:
    columns = ["output\nshape", "activation\nsize", "parameters", "MACs"]
    columns += ["receptive\nfield", "stride"] if width >= RECEPTIVE_FIELD else []
    columns += ["weight\nbytes", "activation\nbytes"] if width >= BYTES else []
    drawn = plain_table("layer", "kind", numeric=columns)
    drawn.show_footer = True
    for block in blocks:
        module = _module(block)
        if block.times > 1:
            drawn.add_row(Text(f"{module} to {block.last_path}"), Text(f"× {block.times}"))
        for row in block.rows:
            path = f"  {row.path.removeprefix(module)}" if block.times > 1 else row.path
            drawn.add_row(Text(path), Text(row.kind), *_cells(row, width))
    totals = table.totals
    sums = [numbers.count(totals.activation_size), numbers.count(totals.parameters), _macs(totals.macs, width)]
    sums += ["", ""] if width >= RECEPTIVE_FIELD else []
    sums += [numbers.count(totals.parameter_bytes), numbers.count(totals.activation_bytes)] if width >= BYTES else []
    for column, total in zip(drawn.columns, ("total", "", "", *sums), strict=True):
        column.footer = total
    return drawn


def _module(block: Block) -> str:
    """Return the path of the first module that a block repeats."""
    return ".".join(block.rows[0].path.split(".")[: block.last_path.count(".") + 1])


def _cells(row: LayerRow, width: int) -> Iterator[str]:
    yield "×".join(map(str, row.output_shape))
    yield from (numbers.count(row.activation_size), numbers.count(row.parameters), _macs(row.macs, width))
    if width >= RECEPTIVE_FIELD:
        whole = "all" if row.stride and not row.receptive_field else ""
        yield from (numbers.square(row.receptive_field) or whole, numbers.square(row.stride))
    if width >= BYTES:
        yield from (numbers.count(row.parameter_bytes), numbers.count(row.activation_bytes))


def _macs(macs: int, width: int) -> str:
    return numbers.count(macs) if width >= EXACT_MACS else numbers.scaled(macs)


def _totals(table: LayerTable) -> Iterator[Text]:
    totals, lower = table.totals, "at least " if table.is_lower_bound else ""
    frozen = totals.parameters - totals.trainable_parameters
    yield Text(
        f"{numbers.count(totals.parameters)} parameters{f', {numbers.count(frozen)} of them frozen' if frozen else ''} "
        f"({numbers.num_bytes(totals.parameter_bytes)})"
    )
    yield Text(
        f"{lower}{numbers.count(totals.macs)} MACs{' in training mode' if table.training else ''}; "
        f"{lower}{numbers.count(totals.backward_macs)} in the backward pass"
    )


def _one(table: LayerTable) -> str:
    """Return what the first input is one of."""
    return "image" if len(table.input_shapes[0]) == 3 else "example"


def _memory(memory: TrainingMemory, one: str) -> Iterator[Text]:
    yield Text(
        f"predicted memory of a training step with {numbers.plural(memory.batch_size, one)}: "
        f"{numbers.num_bytes(memory.peak)}"
    )
    held = {
        "weights": memory.weights + memory.buffers,
        "gradients": memory.gradients,
        "optimizer": memory.optimizer,
        "activations": memory.saved_activations,
    }
    yield Text("  " + ", ".join(f"{what} {numbers.num_bytes(size)}" for what, size in held.items()))


def _remarks(rows: Iterable[LayerRow]) -> Iterator[str]:
    """Yield remarks on rows: shared weights, and layers that are called repeatedly or not at all."""
    for row in rows:
        if row.note and row.note != "passes its input on":
            yield f"{row.path}: {row.note}"
