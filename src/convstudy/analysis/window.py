"""The output size of a window that slides along an axis."""

from __future__ import annotations

from convstudy.errors import ShapeError


def window_output_size(size: int, kernel: int, *, stride: int = 1, padding: int = 0, dilation: int = 1) -> int:
    """Return the length of an axis after a convolution or pooling: `⌊(size + 2·padding − reach)/stride⌋ + 1`.

    The window spans `dilation·(kernel − 1) + 1` values.

    Raises:
        ShapeError: if the window is longer than the padded input.

    Source: Dumoulin & Visin 2016, relationships 6 and 15.

    >>> window_output_size(32, 5), window_output_size(224, 7, stride=2, padding=3)
    (28, 112)
    """
    reach = dilation * (kernel - 1) + 1
    if size + 2 * padding < reach:
        raise ShapeError(f"a window of {reach} does not fit an axis of {size} with padding {padding} on both sides")
    return (size + 2 * padding - reach) // stride + 1
