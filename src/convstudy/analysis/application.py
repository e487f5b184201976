"""The record of one applied operation: its arguments and its result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import torch
from torch import Tensor

Shape = tuple[int, ...]


@dataclass(slots=True)
class Application:
    """One applied operation: `output` is its first result tensor, `tensors` are all tensor arguments."""

    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    output: Tensor
    tensors: Sequence[Tensor] = ()

    def argument(self, position: int, name: str) -> Any:
        """Return an argument, passed by position or by name; None if it was omitted."""
        return self.args[position] if len(self.args) > position else self.kwargs.get(name)

    def shape(self, position: int) -> Shape:
        """Return the shape of the tensor argument at a position."""
        return shape_of(self.args[position])


def shape_of(tensor: Tensor) -> Shape:
    """Return the shape of a tensor; of a jagged nested tensor that of its packed values."""
    return tuple(tensor.values().shape) if tensor.is_nested and tensor.layout is torch.jagged else tuple(tensor.shape)


def size_of(tensor: Tensor) -> int:
    """Return the number of values of a tensor; of a jagged nested tensor without padding."""
    return prod(shape_of(tensor)) if tensor.is_nested else tensor.numel()
