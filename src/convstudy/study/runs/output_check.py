"""A check of what a network returns for its first batch in training, where only running it can tell."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from convstudy.errors import ModelError


@dataclass
class FirstOutput:
    """A forward hook that checks the first output in training, and then removes itself."""

    name: str  # of the network
    num_classes: int
    handle: RemovableHandle | None = None

    def __call__(self, network: nn.Module, _: Any, output: Any) -> None:
        """Check an output. Raises: ModelError, if it is not one logit per class that the loss can be derived from."""
        if not network.training or not torch.is_grad_enabled():
            return
        if self.handle is not None:
            self.handle.remove()
        outputs = output if isinstance(output, tuple | list) else (output,)
        for each in outputs:
            if not isinstance(each, Tensor):
                self._refuse(network, f"a {type(each).__name__}")
            if each.ndim != 2 or each.shape[1] < self.num_classes:
                self._refuse(network, f"an output of shape {tuple(each.shape)}")
        if any(parameter.requires_grad for parameter in network.parameters()) and not outputs[0].requires_grad:
            self._refuse(network, "an output that no gradient reaches (detached, or computed without gradients)")

    def _refuse(self, network: nn.Module, got: str) -> None:
        raise ModelError(
            f"{self.name} returns {got} in training; expected one logit per class, (images, {self.num_classes})"
            f"{_place_of(type(network))}"
        )


def check_first_output(network: nn.Module, name: str, num_classes: int) -> None:
    """Let a network's first output in training be checked."""
    check = FirstOutput(name, num_classes)
    check.handle = network.register_forward_hook(check)


def _place_of(kind: type[nn.Module]) -> str:
    """Return file and line of a network's `forward`, or of its class, as " (FILE, line N)"; empty if not known."""
    try:
        return f" ({inspect.getsourcefile(kind.forward)}, line {inspect.getsourcelines(kind.forward)[1]})"
    except (OSError, TypeError):
        return ""
