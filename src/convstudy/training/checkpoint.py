"""Checkpoints: the complete state from which an interrupted run continues exactly."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import torch

from convstudy.errors import StudyError
from convstudy.files import whole_file
from convstudy.processes import first, place
from convstudy.training.state import TrainingState


def previous(path: Path) -> Path:
    """Return the path of the checkpoint before the one at `path`."""
    return path.with_name(f"{path.name}.previous")


def save_checkpoint(path: Path, state: TrainingState) -> None:
    """Write the state atomically and keep the previous checkpoint. With several processes, the first one writes.

    Raises: StudyError, if it cannot be written; what was written before is unchanged.
    """
    stored = state.state_dict()
    first(lambda: _write(path, stored))


def _write(path: Path, stored: dict[str, Any]) -> None:
    try:
        with whole_file(path, new_folder=False) as draft:
            with draft.open("wb") as file:  # given a path, torch hides the system's error
                torch.save(stored, file)
            if path.exists():
                path.replace(previous(path))
    except OSError as error:
        raise StudyError(
            f"{path} cannot be written ({error.strerror}); free some space or choose another folder, then repeat the "
            "command to continue from the previous checkpoint"
        ) from error


def load_checkpoint(path: Path, state: TrainingState) -> bool:
    """Load a checkpoint into `state`, or the previous one if it is damaged, and return whether there was one.

    No pickled code is run. With several processes the first one reads, because only it may have the file.

    Raises: StudyError, if there are files and none of them is a checkpoint of this run.
    """
    if not first(lambda: path.exists() or previous(path).exists()):
        return False
    stored = first(lambda: _loaded(path, state))
    if not place().first:
        state.load_state_dict(stored)
    return True


def _loaded(path: Path, state: TrainingState) -> dict[str, Any]:
    failures: list[Exception] = []
    for candidate in (path, previous(path)):
        try:
            stored = _read(candidate)
            state.load_state_dict(stored)
        except Exception as error:
            failures.append(error)
        else:
            return stored
    reason = str(failures[0]).strip().splitlines()[0] if str(failures[0]).strip() else type(failures[0]).__name__
    raise StudyError(
        f"{path} is not a checkpoint of this run ({reason}); delete it to start the run again"
    ) from failures[0]


def _read(path: Path) -> dict[str, Any]:
    with zipfile.ZipFile(path) as parts:  # torch verifies no checksum
        torn = parts.testzip()
    if torn:
        raise ValueError(f"{torn} is damaged")
    stored: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    return stored
