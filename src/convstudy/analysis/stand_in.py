"""Meta tensors that stand in for a network's parameters and buffers during a run, and the restoration afterwards.

Each module's attributes are set aside and replaced by a copy in which every tensor has a stand-in on the meta device.
A run that changes buffers, appends to lists, sets attributes, fails or is interrupted therefore changes the copies.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from convstudy.errors import ModelError

HOOKS = frozenset(name for name in nn.Module().__dict__ if "hooks" in name)


@contextmanager
def stand_ins(network: nn.Module, *, training: bool | None) -> Iterator[dict[int, Tensor]]:
    """Run the body with the network on the meta device; yield the stand-in of each tensor by the tensor's `id`.

    `training` sets the mode of every module (None: unchanged). The random states of torch, Python and NumPy are
    restored as well.

    Raises:
        ModelError: if the network has lazy parameters, which have no shape yet.
    """
    modules = list(network.modules())
    originals = [module.__dict__ for module in modules]
    lent: dict[int, Tensor] = {}
    copies = [_copied(module, lent) for module in modules]
    if training is not None:
        for copy in copies:
            copy["training"] = training
    states = _random_states()
    try:
        _put(modules, copies)
        yield lent
    finally:
        try:
            _put(modules, originals)
        except BaseException:  # interrupted while restoring: restore again from the start
            _put(modules, originals)
            raise
        finally:
            _put_random_states(states)


def _put(modules: list[nn.Module], attributes: list[dict[str, Any]]) -> None:
    for module, attribute in zip(modules, attributes, strict=True):
        object.__setattr__(module, "__dict__", attribute)


def _copied(module: nn.Module, lent: dict[int, Tensor]) -> dict[str, Any]:
    return {name: value if name in HOOKS else _lend(value, lent) for name, value in module.__dict__.items()}


def _lend(value: Any, lent: dict[int, Tensor]) -> Any:
    if isinstance(value, Tensor):
        return _stand_in(value, lent)
    kind = type(value)
    if kind is dict:
        return {key: _lend(item, lent) for key, item in value.items()}
    if kind is list:
        return [_lend(item, lent) for item in value]
    if kind is tuple and any(isinstance(item, Tensor) for item in value):
        return tuple(_lend(item, lent) for item in value)
    return value.copy() if kind is set else value


def _stand_in(tensor: Tensor, lent: dict[int, Tensor]) -> Tensor:
    known = lent.get(id(tensor))
    if known is not None:
        return known
    if is_lazy(tensor):
        raise ModelError("the network has lazy layers without a shape; run it once on an input before counting")
    if isinstance(tensor, nn.Parameter):
        empty = torch.empty(tensor.shape, dtype=tensor.dtype, device="meta")
        stand_in: Tensor = nn.Parameter(empty, requires_grad=tensor.requires_grad)
    else:
        stand_in = tensor.detach().to("meta") if tensor.layout is torch.strided else tensor
    lent[id(tensor)] = stand_in
    return stand_in


def _random_states() -> list[Any]:
    numpy = sys.modules.get("numpy")
    return [
        torch.get_rng_state(),
        random.getstate(),
        numpy.random.get_state() if numpy else None,
        torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else None,  # type: ignore[no-untyped-call]
    ]


def _put_random_states(states: list[Any]) -> None:
    torch.set_rng_state(states[0])
    random.setstate(states[1])
    if states[2] is not None:
        sys.modules["numpy"].random.set_state(states[2])
    if states[3] is not None:
        torch.cuda.set_rng_state_all(states[3])
