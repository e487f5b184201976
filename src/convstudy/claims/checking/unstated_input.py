"""The input of a table that does not print it: the usual size and channels from which the first row follows."""

from __future__ import annotations

from itertools import product
from math import prod

from convstudy.claims.printed_shape import Shape
from convstudy.claims.table import ClaimedRow, ClaimedTable

USUAL_SIDES = (224, 32, 28, 227, 299, 64, 96, 128, 160, 192, 240, 256, 260, 300, 331, 380, 384, 448, 512, 600)
USUAL_KERNELS = (3, 5, 7, 11, 1)
USUAL_STRIDES = (1, 2, 4)
USUAL_CHANNELS = (3, 1, 4)


def inferred_input(table: ClaimedTable) -> tuple[Shape | None, str | None]:
    """The input's shape, and how it was found where it is not stated; None where nothing tells."""
    first = table.rows[0]
    if first.layer.kind == "input" and first.shape:
        return first.shape, None
    if first.input_shape:
        return first.input_shape, None
    if first.shape is None:
        return None, "the input's shape is not stated"
    if first.layer.kind == "convolution" and len(first.shape) == 3:
        shape = input_of_convolution(first, first.shape)
        return shape, f"the input is not stated: {table.printed(shape)} is the usual one that gives this row"
    units, counted = prod(first.shape), first.numbers.get("parameters")
    if (
        first.layer.kind == "dense"
        and counted is not None
        and counted.exact
        and counted.value >= 2 * units
        and counted.value % units == 0
    ):
        features = int(counted.value // units) - 1
        return (features,), f"the input is not stated: {features:,} features follow from the parameters"
    return None, "the input's shape is not stated"


def input_of_convolution(row: ClaimedRow, output: Shape) -> Shape:
    """The input for which a usual window gives the claimed output and parameters; the plainest window at a tie."""
    counted, text = row.numbers.get("parameters"), row.layer
    kernels = [text.kernel[0]] if text.kernel else USUAL_KERNELS
    strides = [text.stride[0]] if text.stride else USUAL_STRIDES
    best, most = (3, *output[1:]), -1
    for stride, kernel, padded, channels, side in product(strides, kernels, (0, 1), USUAL_CHANNELS, USUAL_SIDES):
        padding = padded * (kernel // 2)
        if (side + 2 * padding - kernel) // stride + 1 != output[1]:
            continue
        weights = kernel * kernel * channels * output[0]
        counts = counted is not None and (counted.admits(weights + output[0]) or counted.admits(weights))
        rank = 2 * counts + (channels == 3)
        if rank > most:
            best, most = (channels, side, side), rank
    return best
