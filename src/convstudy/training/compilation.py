"""A network compiled for its training steps."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import torch
from torch import nn

from convstudy.errors import ToolError
from convstudy.training.state import TrainingState


@contextmanager
def compiled(state: TrainingState, wanted: bool) -> Iterator[None]:
    """Let batches go through what `torch.compile` makes of the network; its weights are the network's own.

    Validation, test and what is stored have the network as it is.

    Raises: ToolError, when it cannot be compiled here: a compiler is missing, or the code is not for it.
    """
    if not wanted:
        yield
        return
    state.compiled = cast(nn.Module, torch.compile(state.parallel))
    try:
        yield
    except torch._dynamo.exc.TorchDynamoException as error:
        reason = " ".join(str(_first_cause(error)).split())[:200]
        raise ToolError(f"--compile: torch cannot compile the network here ({reason}); leave it out") from error
    finally:
        state.compiled = None


def _first_cause(error: BaseException) -> BaseException:
    """What torch wraps into errors of its own."""
    inner: Any = getattr(error, "inner_exception", None) or error.__cause__
    return error if inner is None else _first_cause(inner)
