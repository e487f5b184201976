"""The copy of a network that is run in its place, and the restoration of what the run shares with the program.

Every attribute, hook and tensor of the network is copied, so a run that changes buffers, appends to lists, registers
hooks, fails or is interrupted changes the copy. Random states and what classes hold are restored afterwards.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.nn.modules import module as torch_modules
from torch.nn.parameter import is_lazy

from convstudy.analysis.copying import Copier, StandIn
from convstudy.errors import ModelError

GLOBAL_HOOKS = tuple(
    name for name, value in vars(torch_modules).items() if name.startswith("_global_") and isinstance(value, dict)
)


def stand_in_network(network: nn.Module, stand_in: StandIn, *, training: bool | None) -> nn.Module:
    """Return a copy of a network with other tensors, in the mode `training` (None: each module keeps its own).

    Raises:
        ModelError: if the network has lazy parameters, which have no shape yet, or cannot be copied.
    """
    if any(
        parameter is not None and is_lazy(parameter)
        for module in network.modules()
        for parameter in module._parameters.values()
    ):
        raise ModelError("the network has lazy layers without a shape; run it once on an input before counting")
    copy = Copier(stand_in).network(network)
    if training is not None:
        for module in copy.modules():
            module.__dict__["training"] = training
    return copy


@contextmanager
def as_found() -> Iterator[None]:
    """Restore random states, global hooks and the default type after the body, even after an error or Ctrl-C."""
    states = _random_states()
    hooks = {name: dict(vars(torch_modules)[name]) for name in GLOBAL_HOOKS}
    default = torch.get_default_dtype()
    try:
        yield
    finally:
        _put_random_states(states)
        torch.set_default_dtype(default)
        for name, held in hooks.items():
            now = vars(torch_modules)[name]
            if now != held:
                now.clear()
                now.update(held)


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
