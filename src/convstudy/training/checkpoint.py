"""Checkpoints: all that an interrupted run needs to go on as if nothing had happened."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from convstudy.errors import StudyError
from convstudy.files import whole_file
from convstudy.training.state import TrainingState


def save_checkpoint(path: Path, state: TrainingState) -> None:
    """Write the state, whole or not at all. Random streams need no state between epochs: see `seeds`."""
    with whole_file(path) as draft:
        torch.save(state.state_dict(), draft)


def load_checkpoint(path: Path, state: TrainingState) -> None:
    """Put a checkpoint's state into `state`. No pickled code is run.

    Raises: StudyError, when the file is not a checkpoint of this run.
    """
    try:
        stored: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        state.load_state_dict(stored)
    except Exception as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise StudyError(
            f"{path} is not a checkpoint of this run ({reason}); delete it and the run starts again"
        ) from error
