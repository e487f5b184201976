"""A layer table cut at a depth of the module tree: one row per module, with the sums of its contents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby

from convstudy.analysis.table import LayerRow, LayerTable
from convstudy.errors import ShapeError

SUMMED = (
    "activation_size",
    "parameters",
    "trainable_parameters",
    "macs",
    "backward_macs",
    "other_operations",
    "parameter_bytes",
    "activation_bytes",
)


def at_depth(table: LayerTable, depth: int) -> LayerTable:
    """Return the table with every module at `depth` summed up into one row; the totals do not change.

    A module's output shape, receptive field and stride are those of its last layer. A module that is called again later
    has one row per call.

    Raises:
        ShapeError: if the depth is below 1.

    >>> from torch import nn
    >>> from convstudy.analysis.count import count
    >>> network = nn.Sequential(nn.Sequential(nn.Conv2d(3, 8, 5), nn.ReLU()), nn.Flatten(), nn.Linear(8 * 28 * 28, 10))
    >>> [(row.path, row.kind, row.parameters) for row in at_depth(count(network, (3, 32, 32)), 1)]
    [('input', 'Input', 0), ('0', 'Sequential', 608), ('1', 'Flatten', 0), ('2', 'Linear', 62730)]
    """
    if depth < 1:
        raise ShapeError(f"depth is {depth}; expected a whole number of at least 1")
    groups = groupby(table.rows, key=lambda row: _cut(row.path, depth))
    rows = tuple(_sum(table, path, list(rows)) for path, rows in groups)
    return replace(table, rows=rows)


def _cut(path: str, depth: int) -> str:
    return ".".join(path.split(".")[:depth])


def _sum(table: LayerTable, path: str, rows: Sequence[LayerRow]) -> LayerRow:
    if [row.path for row in rows] == [path]:
        return rows[0]
    last = next((row for row in reversed(rows) if row.output_shape), rows[-1])
    sums = {name: sum(getattr(row, name) for row in rows) for name in SUMMED}
    kind = table.module_kinds.get(path, last.kind)
    shared = next((row.shared_with for row in rows if row.shared_with), None)
    note = f"weights shared with {shared}, counted there" if shared else ""
    return replace(last, path=path, kind=kind, input_shapes=rows[0].input_shapes, shared_with=shared, note=note, **sums)
