"""The inputs of a network: tensors or shapes, in nested lists, tuples and mappings, by position and by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from numbers import Integral
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from convstudy.analysis.flow import Axis, Flow
from convstudy.analysis.propagation import mark
from convstudy.analysis.table import Shape
from convstudy.errors import ShapeError


@dataclass(frozen=True)
class InputTensor:
    """The shape of an input without its batch axis, and its dtype; without a batch axis at all if not `batched`.

    A dtype of None is the floating-point type of the network's weights.
    """

    shape: Shape
    dtype: torch.dtype | None = None
    batched: bool = True


Input = Shape | Sequence[Any] | Mapping[str, Any] | Tensor | np.ndarray[Any, Any] | InputTensor
"""One argument of a network: a shape without the batch axis, a tensor, or these in lists, tuples and mappings."""


@dataclass(frozen=True)
class Inputs:
    """All arguments of one call of a network, by position and by name."""

    positional: tuple[Any, ...] = ()
    named: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, positional: tuple[Any, ...], named: Mapping[str, Any]) -> Inputs:
        """Return the arguments of a call as one record; a lone `Inputs` is returned as it is."""
        if len(positional) == 1 and not named and isinstance(positional[0], Inputs):
            return positional[0]
        return cls(positional, named)

    def arguments(
        self, network: nn.Module, made: Callable[[InputTensor | Tensor], Tensor], *, batch_size: int = 1
    ) -> Arguments:
        """Return the arguments for a run; `made` makes the tensor for a shape (batch axis included) or for a tensor.

        Raises:
            ShapeError: if there is no tensor among the inputs, or a shape has sizes that are no positive integers.
        """
        filled = Filled(_float_type(network), made, batch_size)
        for value in self.positional:
            if isinstance(value, (Integral, float, str)) and not isinstance(value, bool):
                raise ShapeError(f"the input is {value!r}; expected a shape such as (3, 32, 32), or a tensor")
        positional = tuple(filled(value) for value in self.positional)
        named = {name: filled(value) for name, value in self.named.items()}
        if not filled.tensors:
            raise ShapeError("no input; expected the shape of one example, as in count(network, (3, 32, 32))")
        return Arguments(positional, named, filled.one_example)

    @property
    def shapes(self) -> list[Shape]:
        """Return the shapes of all tensors as they were given, for messages."""
        found: list[Shape] = []
        _collect_shapes((*self.positional, *self.named.values()), found)
        return found


@dataclass(frozen=True)
class Arguments:
    """The arguments of a run, as tensors; `one_example`: none was given as a tensor, so the batch is one example."""

    positional: tuple[Any, ...]
    named: Mapping[str, Any]
    one_example: bool


class Filled:
    """A function that replaces the shapes and tensors in nested lists, tuples and mappings."""

    def __init__(
        self, float_type: torch.dtype, made: Callable[[InputTensor | Tensor], Tensor], batch_size: int
    ) -> None:
        self.float_type = float_type
        self.made = made
        self.batch_size = batch_size
        self.tensors: list[Tensor] = []
        self.one_example = True

    def __call__(self, value: Any) -> Any:
        if isinstance(value, np.ndarray):
            value = torch.from_numpy(value)
        if isinstance(value, Tensor):
            self.one_example = False
            return self._marked(self.made(value))
        if isinstance(value, InputTensor):
            return self._from_shape(value)
        if is_shape(value):
            return self._from_shape(InputTensor(tuple(value)))
        if isinstance(value, Mapping):
            filled = {key: self(item) for key, item in value.items()}
            return filled if type(value) is dict else _of_type(type(value), filled)
        if isinstance(value, (list, tuple)):
            items = [self(item) for item in value]
            return type(value)(*items) if hasattr(value, "_fields") else type(value)(items)
        return value

    def _from_shape(self, value: InputTensor) -> Tensor:
        sizes: tuple[Any, ...] = tuple(value.shape)
        if not all(isinstance(size, Integral) and int(size) > 0 for size in sizes) or not (sizes or not value.batched):
            raise ShapeError(f"the input shape is {sizes!r}; expected positive whole numbers such as (3, 32, 32)")
        shape = (*([self.batch_size] if value.batched else []), *map(int, sizes))
        return self._marked(self.made(InputTensor(shape, value.dtype or self.float_type)))

    def _marked(self, tensor: Tensor) -> Tensor:
        """Return the tensor, which from now on knows its axes along the image."""
        axes = (None, None, *(Axis(number) for number in range(tensor.dim() - 2)))
        mark(tensor, Flow(axes[: tensor.dim()], depends=True))
        self.tensors.append(tensor)
        return tensor


def is_shape(value: Any) -> bool:
    """Return whether a value is a shape: a list or tuple of numbers.

    >>> is_shape((3, 32, 32)), is_shape([(3, 32, 32)]), is_shape([])
    (True, False, False)
    """
    if not isinstance(value, (list, tuple)):
        return False
    numbers = [isinstance(size, (Integral, float)) and not isinstance(size, bool) for size in value]
    return (all(numbers) and bool(numbers)) or (type(value) is tuple and not value) or isinstance(value, torch.Size)


def _of_type(kind: type, filled: dict[Any, Any]) -> Any:
    try:
        return kind(filled)
    except TypeError:
        return filled


def _collect_shapes(value: Any, found: list[Shape]) -> None:
    if isinstance(value, (Tensor, np.ndarray, InputTensor)):
        found.append(tuple(value.shape))
    elif is_shape(value):
        found.append(tuple(value))
    elif isinstance(value, Mapping):
        for item in value.values():
            _collect_shapes(item, found)
    elif isinstance(value, (list, tuple)):
        for item in value:
            _collect_shapes(item, found)


def _float_type(network: nn.Module) -> torch.dtype:
    """Return the floating-point type of the weights, so that half-precision networks get inputs of their type."""
    types = (parameter.dtype for parameter in network.parameters() if parameter.is_floating_point())
    return next(types, torch.get_default_dtype())
