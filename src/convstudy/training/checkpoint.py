"""Checkpoints: all that an interrupted run needs to go on as if nothing had happened."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer

from convstudy.errors import StudyError
from convstudy.files import whole_file
from convstudy.training.epoch import Epoch


def save_checkpoint(path: Path, network: nn.Module, optimiser: Optimizer, history: list[Epoch]) -> None:
    """Write weights, optimiser state and history, whole or not at all. Random streams need no state: see `seeds`."""
    state = {
        "network": network.state_dict(),
        "optimiser": optimiser.state_dict(),
        "history": [asdict(metrics) for metrics in history],
    }
    with whole_file(path) as draft:
        torch.save(state, draft)


def load_checkpoint(path: Path, network: nn.Module, optimiser: Optimizer) -> list[Epoch]:
    """Put a checkpoint's state into `network` and `optimiser`; give its history. No pickled code is run.

    Raises: StudyError, when the file is not a checkpoint of this network.
    """
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        network.load_state_dict(state["network"])
        optimiser.load_state_dict(state["optimiser"])
        return [Epoch(**metrics) for metrics in state["history"]]
    except Exception as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise StudyError(
            f"{path} is not a checkpoint of this run ({reason}); delete it and the run starts again"
        ) from error
