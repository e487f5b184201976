"""The shape of a packed sequence, which depends on the values of its lengths."""

from __future__ import annotations

import torch
from torch import Tensor

from convstudy.errors import ShapeError


def packed_sequence(input: Tensor, lengths: Tensor, batch_first: bool) -> tuple[Tensor, Tensor]:
    """Return the packed steps, without values, and the number of sequences at each step.

    Raises:
        ShapeError: if the lengths do not fall, or do not fit the input.

    >>> packed, sizes = packed_sequence(torch.empty(2, 5, 3, device="meta"), torch.tensor([4, 2]), True)
    >>> packed.shape, sizes
    (torch.Size([6, 3]), tensor([2, 2, 1, 1]))
    """
    steps, batch = (input.shape[1], input.shape[0]) if batch_first else input.shape[:2]
    given = lengths.tolist()
    if len(given) != batch or not given or given[-1] < 1 or max(given) > steps or given != sorted(given)[::-1]:
        raise ShapeError(
            f"the lengths of the packed sequences are {given}; expected {batch} falling lengths from {steps} to 1"
        )
    sizes = [sum(length > step for length in given) for step in range(given[0])]
    return input.new_empty((sum(given), *input.shape[2:])), torch.tensor(sizes, dtype=torch.int64, device="cpu")
