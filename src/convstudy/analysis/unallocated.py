"""Construction of a network without allocating or initializing its weights."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from math import prod
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from convstudy.analysis.real_tensors import mapped

FACTORIES = frozenset({torch.empty, torch.zeros, torch.ones, torch.full, torch.rand, torch.randn})
CONSTANTS = frozenset({torch.zeros, torch.ones, torch.full})
SMALL_MATRIX = 2**16  # values of a constant matrix that stays real, because a network may look at its masks


class Unallocated(TorchFunctionMode):
    """A mode that puts empty, constant and random tensors on the meta device and skips the operations that fill them.

    Values computed during construction (the widths of a RegNet, the indices of an attention window) and small constants
    (masks) stay real, which `torch.device("meta")` does not allow; what is computed from both has no values.
    """

    def __torch_function__(
        self,
        function: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        if function in FACTORIES and kwargs.get("device") is None:
            if function in CONSTANTS and _is_small(args):
                return function(*args, **kwargs)
            return function(*args, **{**kwargs, "device": "meta"})
        if getattr(function, "__module__", None) == "torch.nn.init" or function.__name__.endswith("_"):
            target = args[0] if args else kwargs.get("tensor")
            if (
                isinstance(target, Tensor)
                and target.is_meta
                and not function.__name__.startswith(("__", "requires_grad"))
            ):
                return target
        try:
            return function(*args, **kwargs)
        except RuntimeError:
            if function.__name__.endswith("_") or not _is_mixed((args, kwargs)):
                raise
            return function(*mapped(args, _to_meta), **mapped(kwargs, _to_meta))


def _is_mixed(values: Any) -> bool:
    """Return whether some tensors have values and others are on the meta device."""
    places: set[bool] = set()

    def noted(tensor: Tensor) -> Tensor:
        places.add(tensor.is_meta)
        return tensor

    mapped(values, noted)
    return len(places) > 1


def _to_meta(tensor: Tensor) -> Tensor:
    return tensor.to("meta")


def _is_small(args: tuple[Any, ...]) -> bool:
    """Return whether the size in the arguments of a factory, one sequence or numbers, is that of a small matrix."""
    sizes = args[0] if args and isinstance(args[0], (tuple, list)) else args
    return len(sizes) > 1 and all(isinstance(size, int) for size in sizes) and prod(sizes) <= SMALL_MATRIX


@contextmanager
def unallocated() -> Iterator[None]:
    """Build networks on the meta device inside the `with` block: no memory for weights, no time for initialization.

    >>> with unallocated():
    ...     network = torch.nn.Linear(1_000_000, 1_000_000)
    >>> network.weight.device
    device(type='meta')
    """
    with Unallocated():
        yield
