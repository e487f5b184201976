"""The copy of a network that is run in its place, and the restoration of what the run shares with the program.

Every attribute, hook and tensor of the network is copied, so a run that changes buffers, appends to lists, registers
hooks, fails or is interrupted changes the copy. Random states and what classes hold are restored afterwards.
"""

from __future__ import annotations

import random
import sys
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.nn.modules import module as torch_modules

from convstudy.analysis.copying import Copier, StandIn

GLOBAL_HOOKS = tuple(
    name for name, value in vars(torch_modules).items() if name.startswith("_global_") and isinstance(value, dict)
)


def stand_in_network(network: nn.Module, stand_in: StandIn, *, training: bool | None) -> nn.Module:
    """Return a copy of a network with other tensors, in the mode `training` (None: each module keeps its own).

    Raises:
        ModelError: if the network has lazy parameters, which have no shape yet, or cannot be copied.
    """
    copier = Copier(stand_in)
    copy = copier.network(network)
    if training is not None:
        for module in copier.modules:
            module.__dict__["training"] = training
    return copy


@contextmanager
def as_found(network: nn.Module) -> Iterator[None]:
    """Restore what a run of the network's copy shares with the program, even after an error or Ctrl-C.

    That is random states, global hooks, the default type, and the attributes of the network's own classes.
    """
    states = _random_states()
    classes = [ClassState(kind) for kind in _own_classes(network)]
    hooks = {name: dict(vars(torch_modules)[name]) for name in GLOBAL_HOOKS}
    default = torch.get_default_dtype()
    try:
        yield
    finally:
        _put_random_states(states)
        for state in classes:
            state.restore()
        torch.set_default_dtype(default)
        for name, held in hooks.items():
            now = vars(torch_modules)[name]
            if now != held:
                now.clear()
                now.update(held)


def _own_classes(network: nn.Module) -> set[type]:
    """Return the classes of a network's modules that are not those of torch."""
    kinds = {kind for own in {type(module) for module in network.modules()} for kind in own.__mro__}
    return {kind for kind in kinds if not kind.__module__.startswith(("torch.", "torchvision.", "builtins"))}


class ClassState:
    """The attributes of a class, and the contents of those that are lists, dictionaries, sets or queues."""

    def __init__(self, kind: type) -> None:
        self.kind = kind
        self.attributes = dict(vars(kind))
        self.contents = [
            (value, value.copy()) for value in self.attributes.values() if isinstance(value, (list, dict, set, deque))
        ]

    def restore(self) -> None:
        """Put back what differs."""
        now = dict(vars(self.kind))
        for name in now.keys() - self.attributes.keys():
            delattr(self.kind, name)
        for name, value in self.attributes.items():
            if now.get(name) is not value:
                setattr(self.kind, name, value)
        for value, content in self.contents:
            if _items(value) != _items(content):
                value.clear()
                value.extend(content) if isinstance(value, (list, deque)) else value.update(content)


def _items(value: Any) -> list[int]:
    """Return the identities of the items of a list, a set or a queue, or of the keys and values of a dictionary."""
    items = [*value.keys(), *value.values()] if isinstance(value, dict) else value
    return [id(item) for item in items]


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
