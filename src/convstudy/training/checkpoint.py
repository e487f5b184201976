"""Checkpoints: all that an interrupted run needs to go on as if nothing had happened."""

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
    """Where the checkpoint before the one at `path` is kept."""
    return path.with_name(f"{path.name}.previous")


def save_checkpoint(path: Path, state: TrainingState) -> None:
    """Write the state, whole or not at all; keep the checkpoint before it. Of several processes the first one writes.

    Raises: StudyError, when it cannot be written; what was written before is as it was.
    """
    stored = state.state_dict()
    first(lambda: _write(path, stored))


def _write(path: Path, stored: dict[str, Any]) -> None:
    try:
        with whole_file(path) as draft:
            with draft.open("wb") as file:  # torch writes to a path without saying what the system said
                torch.save(stored, file)
            if path.exists():
                path.replace(previous(path))
    except OSError as error:
        raise StudyError(
            f"{path} cannot be written ({error.strerror}); make room or give another folder: "
            "the same command goes on from the checkpoint before"
        ) from error


def load_checkpoint(path: Path, state: TrainingState) -> bool:
    """Put a checkpoint's state into `state`, or that of the one before it when it is torn; whether there is any.

    No pickled code is run. Of several processes the first one reads, for only it may have the file.

    Raises: StudyError, when there are files and neither is a checkpoint of this run.
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
        f"{path} is not a checkpoint of this run ({reason}); delete it and the run starts again"
    ) from failures[0]


def _read(path: Path) -> dict[str, Any]:
    with zipfile.ZipFile(path) as parts:  # torch checks no sum when it reads
        torn = parts.testzip()
    if torn:
        raise ValueError(f"{torn} is torn")
    stored: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    return stored
