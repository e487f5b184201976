"""Real tensors among a network's meta tensors: those outside its modules are read as they are and never written.

Layers in a plain list, counters in objects and globals cannot get a stand-in, because torch does not know that they
belong to the network. An operation that writes to such a tensor receives a copy of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

import torch
from torch import Tensor
from torch._ops import OpOverload
from torch.multiprocessing.reductions import StorageWeakRef

Arguments = tuple[Any, ...]


class RealTensors:
    """The set of real tensors that were made during the run; only these may be written to."""

    def __init__(self) -> None:
        self._made: dict[int, StorageWeakRef] = {}  # the references are kept, so that no address is used twice

    def own(self, tensor: Tensor) -> None:
        """Allow writing to a tensor that was made for the run."""
        if tensor.layout is torch.strided:
            self._made[storage_of(tensor)] = StorageWeakRef(tensor.untyped_storage())  # type: ignore[no-untyped-call]

    def protect(
        self, overload: OpOverload, args: Arguments, kwargs: Mapping[str, Any], *, with_meta: bool
    ) -> tuple[Arguments, Mapping[str, Any]]:
        """Copy the arguments that must not be written, and move them to the meta device if another argument is there.

        Tensors without axes stay real even then, because operations read their values.
        """
        writes = written_arguments(overload)
        if writes:
            args = tuple(self._copied(arg) if number in writes else arg for number, arg in enumerate(args))
            kwargs = {name: self._copied(arg) if name in writes else arg for name, arg in kwargs.items()}
        return (_replaced(args, _on_meta), _replaced(kwargs, _on_meta)) if with_meta else (args, kwargs)

    def note(self, overload: OpOverload, given: Sequence[Tensor], result: Any) -> None:
        """Remember the results of an operation that are not views of its arguments."""
        known = set() if overload is torch.ops.aten.lift_fresh.default else {storage_of(tensor) for tensor in given}
        for tensor in (result,) if isinstance(result, Tensor) else result if isinstance(result, (list, tuple)) else ():
            if isinstance(tensor, Tensor) and not tensor.is_meta and storage_of(tensor) not in known:
                self.own(tensor)

    def _copied(self, value: Any) -> Any:
        return _replaced(value, lambda tensor: tensor if storage_of(tensor) in self._made else tensor.clone())


@cache
def written_arguments(overload: Any) -> frozenset[int | str]:
    """Return the arguments that an operation writes to, by position and by name.

    >>> sorted(written_arguments(torch.ops.aten.add_.Tensor), key=str)
    [0, 'self']
    >>> sorted(written_arguments(torch.ops.aten.add.Tensor))
    []
    """
    if not isinstance(overload, OpOverload):  # an operation on functions
        return frozenset()
    arguments = enumerate(overload._schema.arguments)
    names = [(number, each.name) for number, each in arguments if each.alias_info and each.alias_info.is_write]
    return frozenset(key for pair in names for key in pair)


def storage_of(tensor: Tensor) -> int:
    """Return a number that tensors with the same memory share."""
    return tensor.untyped_storage()._cdata if tensor.layout is torch.strided and not tensor.is_nested else id(tensor)


def _on_meta(tensor: Tensor) -> Tensor:
    return tensor if tensor.dim() == 0 else torch.empty_like(tensor, device="meta")


def _replaced(value: Any, replacement: Callable[[Tensor], Tensor]) -> Any:
    """Return the same nested values with every real tensor replaced."""
    return mapped(value, lambda tensor: tensor if tensor.is_meta else replacement(tensor))


def mapped(value: Any, replacement: Callable[[Tensor], Tensor]) -> Any:
    """Return the same nested lists, tuples and mappings with every tensor replaced."""
    if isinstance(value, Tensor):
        return replacement(value)
    if isinstance(value, Mapping):
        return {key: mapped(item, replacement) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(mapped(item, replacement) for item in value)
    return value
