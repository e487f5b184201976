"""Compilation of a network for its training steps."""

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
    """Send batches through the compiled network, which shares its weights with the original, during the block.

    Validation, test and storage use the original network.

    Raises: ToolError, if it cannot be compiled here: a compiler is missing, or the code is not supported.
    """
    if not wanted:
        yield
        return
    state.compiled = cast(nn.Module, torch.compile(state.parallel))
    try:
        yield
    except torch._dynamo.exc.TorchDynamoException as error:
        reason = " ".join(str(_first_cause(error)).split())[:200]
        raise ToolError(f"torch cannot compile the network here ({reason}); train without `compile`") from error
    finally:
        state.compiled = None


def _first_cause(error: BaseException) -> BaseException:
    """Return the innermost error that torch wrapped into its own."""
    inner: Any = getattr(error, "inner_exception", None) or error.__cause__
    return error if inner is None else _first_cause(inner)
