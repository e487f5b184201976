"""The record of one applied operation: its arguments and its result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

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
        return tuple(self.args[position].shape)
