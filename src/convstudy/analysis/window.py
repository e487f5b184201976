"""Windows that pass over an axis: how long the axis is afterwards."""

from __future__ import annotations

from convstudy.errors import ShapeError


def window_output_size(size: int, kernel: int, *, stride: int = 1, padding: int = 0, dilation: int = 1) -> int:
    """Length of one axis after a convolution or pooling window has passed: `⌊(size + 2·padding − reach)/stride⌋ + 1`.

    The window reaches over `dilation·(kernel − 1) + 1` values.

    Raises: ShapeError, when the window is longer than the padded input.
    Source: Dumoulin & Visin 2016, relationships 6 and 15.

    >>> window_output_size(32, 5), window_output_size(224, 7, stride=2, padding=3)
    (28, 112)
    """
    reach = dilation * (kernel - 1) + 1
    if size + 2 * padding < reach:
        raise ShapeError(f"a window of {reach} does not fit an axis of {size} with padding {padding} on both sides")
    return (size + 2 * padding - reach) // stride + 1
