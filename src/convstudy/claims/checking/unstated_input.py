"""The input of a table that does not print it: the usual sides and channels from which the first row follows."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from math import prod

from convstudy.claims.layer_kind import LayerKind
from convstudy.claims.printed_shape import Shape
from convstudy.claims.table import ClaimedRow, ClaimedTable

USUAL_SIDES = (224, 32, 28, 227, 299, 64, 96, 128, 160, 192, 240, 256, 260, 300, 331, 380, 384, 448, 512, 600)
USUAL_KERNELS = (3, 5, 7, 11, 1)
OTHER_KERNELS = (2, 4, 6, 8, 9, 13, 15, 16, 31, 32, 41, 64)
USUAL_STRIDES = (1, 2, 4)
USUAL_CHANNELS = (3, 1, 4)


def inferred_input(table: ClaimedTable) -> tuple[Shape | None, str | None]:
    """Return the input's shape, and a note if it is inferred; None if the table does not determine it."""
    first = table.rows[0]
    stated = first.shape if first.layer.kind == LayerKind.INPUT and first.shape else first.input_shape
    if stated:
        return stated, None
    output = first.shape
    if output is not None and first.layer.kind == LayerKind.CONVOLUTION and len(output) == 3:
        shape = input_of_convolution(first, output)
        return shape, f"the input is not stated: {table.printed(shape)} is the usual one that gives this row"
    if output is not None and first.layer.kind == LayerKind.CONVOLUTION and table.printed_by is not None:
        signal = input_of_signal(first, output)
        if signal is not None:
            return signal, "the input is not stated: a signal of the length that a window without padding needs"
    features = features_of_dense(first)
    if features:
        return (features,), f"the input is not stated: {features:,} features follow from the parameters"
    return None, "the input's shape is not stated"


def features_of_dense(row: ClaimedRow) -> int:
    """Return the inputs that the parameters of a dense layer imply; 0 if they imply none."""
    counted = row.numbers.get("parameters")
    if row.layer.kind != LayerKind.DENSE or row.shape is None or counted is None or not counted.exact:
        return 0
    units = prod(row.shape)
    whole = counted.value >= 2 * units and counted.value % units == 0
    return int(counted.value // units) - 1 if whole else 0


def input_of_convolution(row: ClaimedRow, output: Shape) -> Shape:
    """Return the input for which a usual window gives the claimed output and parameters; the plainest at a tie.

    Height and width are found separately; a side that no usual one gives is that of a window which keeps the size.
    """
    best, most = (3, *output[1:]), -1
    for shape, counts in inputs_of_convolution(row, output):
        usual = shape[1] in USUAL_SIDES and shape[2] in USUAL_SIDES
        square = shape[1] == shape[2]
        keeps = not usual and shape[1:] == output[1:]
        rank = 16 * counts + 8 * usual + 4 * (usual and square) + 2 * (shape[0] == 3) + keeps
        if rank > most:
            best, most = shape, rank
    return best


def inputs_of_convolution(row: ClaimedRow, output: Shape) -> Iterator[tuple[Shape, bool]]:
    """Yield inputs that usual windows turn into the claimed sides, and whether they give the claimed parameters."""
    counted, text = row.numbers.get("parameters"), row.layer
    kernels = [text.kernel] if text.kernel else [(side, side) for side in (*USUAL_KERNELS, *OTHER_KERNELS)]
    strides = [text.stride] if text.stride else [(side, side) for side in USUAL_STRIDES]
    for stride, kernel, padded, channels in product(strides, kernels, (0, 1), USUAL_CHANNELS):
        sides = [side_before(output[axis + 1], kernel[axis], stride[axis], padded) for axis in (0, 1)]
        weights = kernel[0] * kernel[1] * channels * output[0]
        counts = counted is not None and (counted.admits(weights + output[0]) or counted.admits(weights))
        yield (channels, *sides), counts


def side_before(side: int, kernel: int, stride: int, padded: int) -> int:
    """Return the usual side from which a window gives `side`, or the least that does."""
    padding = padded * (kernel // 2)
    usual = next((before for before in USUAL_SIDES if (before + 2 * padding - kernel) // stride + 1 == side), None)
    return usual or max((side - 1) * stride + kernel - 2 * padding, 1)


def input_of_signal(row: ClaimedRow, output: Shape) -> Shape | None:
    """Return a signal that gives a claimed (channels, length) with the claimed parameters."""
    counted = row.numbers.get("parameters")
    if counted is None or len(output) != 2:
        return None
    for channels, kernel in product((1, 2, 3, 4, 6, 9, 12), (*USUAL_KERNELS, *OTHER_KERNELS)):
        weights = kernel * channels * output[0]
        if counted.admits(weights + output[0]) or counted.admits(weights):
            return (channels, output[1] + kernel - 1)
    return None
