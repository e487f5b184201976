"""Layer tables with channels last, the order in which Keras and the lecture print shapes."""

from __future__ import annotations

from dataclasses import replace

from convstudy.analysis.table import LayerRow, LayerTable, Shape


def channels_last(table: LayerTable) -> LayerTable:
    """Return the table with every shape as height x width x channels.

    Shapes without image axes (tokens, logits) and those that the network itself keeps channels last do not change.

    >>> from torch import nn
    >>> from convstudy.analysis.count import count
    >>> [row.output_shape for row in channels_last(count(nn.Conv2d(3, 8, 5), (3, 32, 32)))]
    [(32, 32, 3), (28, 28, 8)]
    """
    return replace(
        table,
        rows=tuple(_moved(row) for row in table.rows),
        input_shapes=tuple(_last(shape) for shape in table.input_shapes),
        output_shapes=tuple(_last(shape) for shape in table.output_shapes),
    )


def _moved(row: LayerRow) -> LayerRow:
    if row.channels_last:
        return row
    signal = row.stride is not None and len(row.stride) == 1
    return replace(
        row,
        output_shape=_last(row.output_shape, signal=signal),
        input_shapes=tuple(_last(shape, signal=signal) for shape in row.input_shapes),
        channels_last=True,
    )


def _last(shape: Shape, *, signal: bool = False) -> Shape:
    return (*shape[1:], shape[0]) if len(shape) > (1 if signal else 2) else shape
