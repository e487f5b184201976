"""Repeated blocks of a layer table, told once with how often they come."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from convstudy.analysis.table import LayerRow

LONGEST = 64


@dataclass(frozen=True)
class Block:
    """Rows that come `times` times in a row, alike but for the numbers in their paths; `rows` are the first of them."""

    rows: tuple[LayerRow, ...]
    times: int
    last_path: str

    @property
    def macs(self) -> int:
        """Of all repetitions."""
        return self.times * sum(row.macs for row in self.rows)

    @property
    def parameters(self) -> int:
        """Of all repetitions."""
        return self.times * sum(row.parameters for row in self.rows)


def fold(rows: Sequence[LayerRow]) -> tuple[Block, ...]:
    """A table's rows with the repeated blocks folded; nothing is lost, every repetition has the same numbers.

    >>> from torch import nn
    >>> from convstudy.analysis.count import count
    >>> network = nn.Sequential(*(nn.Sequential(nn.Linear(4, 4), nn.ReLU()) for _ in range(12)), nn.Linear(4, 2))
    >>> [([row.path for row in block.rows], block.times, block.last_path) for block in fold(count(network, (4,)).rows)]
    [(['input'], 1, 'input'), (['0.0', '0.1'], 12, '11.1'), (['12'], 1, '12')]
    """
    keys = [_key(row) for row in rows]
    blocks: list[Block] = []
    start = 0
    while start < len(rows):
        length, times = _repetition(keys, start)
        end = start + length * times
        blocks.append(Block(tuple(rows[start : start + length]), times, rows[end - 1].path))
        start = end
    return tuple(blocks)


def _key(row: LayerRow) -> tuple[object, ...]:
    """What has to be equal: everything but the numbers in the path and the receptive field, which grows."""
    path = re.sub(r"\d+", "#", row.path)
    numbers = (row.output_shape, row.parameters, row.trainable_parameters, row.macs, row.activation_size)
    return (path, row.kind, *numbers)


def _repetition(keys: Sequence[tuple[object, ...]], start: int) -> tuple[int, int]:
    """The length of the block that begins here and how often it comes: the one that folds most rows away."""
    best = (1, 1)
    for length in range(1, min(LONGEST, (len(keys) - start) // 2) + 1):
        block = keys[start : start + length]
        times = 1
        while keys[start + times * length : start + (times + 1) * length] == block:
            times += 1
        if (times - 1) * length > (best[1] - 1) * best[0]:
            best = (length, times)
    return best
