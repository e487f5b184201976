"""Real tensors among a network's meta tensors: what it holds outside of its modules is read as it is, never written.

Layers in a plain list, a counter in an object, a global: they cannot be lent a stand-in, because torch does not know
that they belong to the network. An operation that writes to such a tensor is given a copy of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

import torch
from torch import Tensor
from torch._ops import OpOverload

Arguments = tuple[Any, ...]


class RealTensors:
    """Knows which real tensors were made during the run; only those may be written to."""

    def __init__(self) -> None:
        self._made: dict[int, Any] = {}  # the storages are kept, so that their addresses are not given to others

    def spared(
        self, overload: OpOverload, args: Arguments, kwargs: Mapping[str, Any], *, with_meta: bool
    ) -> tuple[Arguments, Mapping[str, Any]]:
        """The arguments with copies in the place of what may not be written; on the meta device where one of them is.

        Numbers in a tensor without axes stay real even then, because operations ask for their values.
        """
        writes = written(overload)
        if writes:
            args = tuple(self._copied(arg) if number in writes else arg for number, arg in enumerate(args))
            kwargs = {name: self._copied(arg) if name in writes else arg for name, arg in kwargs.items()}
        return (_replaced(args, _on_meta), _replaced(kwargs, _on_meta)) if with_meta else (args, kwargs)

    def note(self, overload: OpOverload, given: Sequence[Tensor], results: Sequence[Tensor]) -> None:
        """Remember what an operation has made: the results that are no views of what it was given."""
        known = set() if overload._schema.name == "aten::lift_fresh" else {_storage(tensor) for tensor in given}
        for tensor in results:
            if not tensor.is_meta and _storage(tensor) not in known and tensor.layout is torch.strided:
                self._made[_storage(tensor)] = tensor.untyped_storage()

    def _copied(self, value: Any) -> Any:
        return _replaced(value, lambda tensor: tensor if _storage(tensor) in self._made else tensor.clone())


@cache
def written(overload: OpOverload) -> frozenset[int | str]:
    """The arguments that an operation writes to, by position and by name.

    >>> sorted(written(torch.ops.aten.add_.Tensor), key=str), sorted(written(torch.ops.aten.add.Tensor), key=str)
    ([0, 'self'], [])
    """
    arguments = enumerate(overload._schema.arguments)
    names = [(number, each.name) for number, each in arguments if each.alias_info and each.alias_info.is_write]
    return frozenset(key for pair in names for key in pair)


def _storage(tensor: Tensor) -> int:
    return tensor.untyped_storage()._cdata if tensor.layout is torch.strided else id(tensor)


def _on_meta(tensor: Tensor) -> Tensor:
    return tensor if tensor.dim() == 0 else torch.empty_like(tensor, device="meta")


def _replaced(value: Any, replacement: Callable[[Tensor], Tensor]) -> Any:
    """The same nested lists, tuples and mappings, with every real tensor replaced."""
    if isinstance(value, Tensor):
        return value if value.is_meta else replacement(value)
    if isinstance(value, Mapping):
        return {key: _replaced(item, replacement) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_replaced(item, replacement) for item in value)
    return value
