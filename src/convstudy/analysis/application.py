"""One operation applied: its arguments and what came out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

Shape = tuple[int, ...]


@dataclass(slots=True)
class Application:
    """What an operation was given and gave; `output` is its first tensor, `tensors` are all that it was given."""

    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    output: Tensor
    tensors: Sequence[Tensor] = ()

    def argument(self, position: int, name: str) -> Any:
        """An argument, however it was passed; None where it was left out."""
        return self.args[position] if len(self.args) > position else self.kwargs.get(name)

    def shape(self, position: int) -> Shape:
        """The shape of a tensor among the arguments."""
        return tuple(self.args[position].shape)
