"""Repeated blocks of a layer table, shown once with their number of repetitions."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from convstudy.analysis.table import LayerRow

NUMBERED = re.compile(r"(.*?)(\d+)")  # a module's name, such as encoder_layer_11


@dataclass(frozen=True)
class Block:
    """Consecutive rows that occur `times` times, equal except for their module's number; `rows` are the first ones.

    `last_path` is the path of the last repetition's module, or of the single row.
    """

    rows: tuple[LayerRow, ...]
    times: int
    last_path: str

    @property
    def macs(self) -> int:
        """Return the MACs of all repetitions."""
        return self.times * sum(row.macs for row in self.rows)

    @property
    def parameters(self) -> int:
        """Return the parameters of all repetitions."""
        return self.times * sum(row.parameters for row in self.rows)


def fold(rows: Sequence[LayerRow]) -> tuple[Block, ...]:
    """Fold the repeated modules of a table; all repetitions of a block have the same numbers, so nothing is lost.

    Modules with consecutive numbers, such as `layer3.1` to `layer3.5`, are folded, the outermost first.

    >>> from torch import nn
    >>> from convstudy.analysis.count import count
    >>> network = nn.Sequential(*(nn.Sequential(nn.Linear(4, 4), nn.ReLU()) for _ in range(12)), nn.Linear(4, 2))
    >>> [([row.path for row in block.rows], block.times, block.last_path) for block in fold(count(network, (4,)).rows)]
    [(['input'], 1, 'input'), (['0.0', '0.1'], 12, '11'), (['12'], 1, '12')]
    """
    return tuple(_blocks(rows))


def _blocks(rows: Sequence[LayerRow]) -> Iterator[Block]:
    start = 0
    while start < len(rows):
        block, length = _widest(rows, start)
        yield block
        start += length


def _widest(rows: Sequence[LayerRow], start: int) -> tuple[Block, int]:
    """Return the outermost numbered module that begins in this row and repeats, and its number of folded rows."""
    words = rows[start].path.split(".")
    for depth in range(1, len(words)):
        numbered = NUMBERED.fullmatch(words[depth - 1])
        if numbered:
            stem, first = [*words[: depth - 1], numbered[1]], int(numbered[2])
            length, times = _length(rows, start, _module(stem, first)), 1
            while _same(rows, start, start + times * length, length, _module(stem, first + times)):
                times += 1
            if times > 1:
                last = ".".join(_module(stem, first + times - 1))
                return Block(tuple(rows[start : start + length]), times, last), times * length
    return Block((rows[start],), 1, rows[start].path), 1


def _module(stem: Sequence[str], number: int) -> list[str]:
    return [*stem[:-1], f"{stem[-1]}{number}"]


def _length(rows: Sequence[LayerRow], start: int, module: list[str]) -> int:
    """Return the number of rows from here on that lie in a module."""
    end = start
    while end < len(rows) and rows[end].path.split(".")[: len(module)] == module:
        end += 1
    return end - start


def _same(rows: Sequence[LayerRow], start: int, other: int, length: int, module: list[str]) -> bool:
    """Return whether exactly the rows from `other` on lie in `module` and equal those from `start` on."""
    if _length(rows, other, module) != length:
        return False
    pairs = zip(rows[start : start + length], rows[other : other + length], strict=True)
    return all(_signature(one, len(module)) == _signature(two, len(module)) for one, two in pairs)


def _signature(row: LayerRow, depth: int) -> tuple[object, ...]:
    """Return the values that must be equal: all except the module's number and the growing receptive field."""
    numbers = (row.output_shape, row.parameters, row.trainable_parameters, row.macs, row.activation_size)
    return (row.path.split(".")[depth:], row.kind, *numbers)
