"""Builds a network without allocating or initialising its weights."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

FACTORIES = frozenset({torch.empty, torch.zeros, torch.ones, torch.full, torch.rand, torch.randn})


class Unallocated(TorchFunctionMode):
    """Puts what is made empty, constant or random on the meta device, and skips what fills it.

    What is calculated while building - the widths of a RegNet, the indices of an attention window - stays real, which
    `torch.device("meta")` does not allow.
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
            return function(*args, **{**kwargs, "device": "meta"})
        if getattr(function, "__module__", None) == "torch.nn.init" or function.__name__.endswith("_"):
            target = args[0] if args else kwargs.get("tensor")
            if (
                isinstance(target, Tensor)
                and target.is_meta
                and not function.__name__.startswith(("__", "requires_grad"))
            ):
                return target
        return function(*args, **kwargs)


@contextmanager
def unallocated() -> Iterator[None]:
    """Within it, a network is built on the meta device: no memory for its weights, no time for their initialisation.

    >>> with unallocated():
    ...     network = torch.nn.Linear(1_000_000, 1_000_000)
    >>> network.weight.device
    device(type='meta')
    """
    with Unallocated():
        yield
