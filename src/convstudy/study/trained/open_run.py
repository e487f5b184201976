"""A finished run, opened again: its network, its classes, and what its images go through."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_model
from torch import nn

from convstudy.data import DataSet, ImageSet
from convstudy.errors import ModelError, StudyError
from convstudy.study.models.opening import Model, open_model
from convstudy.study.models.preprocessing import Preprocessing, at_input
from convstudy.study.runs.data_record import DataRecord
from convstudy.study.runs.folder import RunFolder
from convstudy.study.runs.source_copy import usable_name


@dataclass(frozen=True)
class TrainedRun:
    """One run's network as it was after its last epoch, and all that is needed to use it."""

    folder: RunFolder
    record: dict[str, Any]  # what run.json holds
    given: Model | None = None  # its network, if it is there as an object
    given_data: DataSet | None = None  # and its data

    @property
    def name(self) -> str:
        """The network's name, as the user wrote it."""
        return str(self.record["model"])

    @cached_property
    def data(self) -> DataRecord:
        stored = self.record["data"]
        return DataRecord(**{**stored, "class_names": tuple(stored["class_names"])})

    @property
    def class_names(self) -> tuple[str, ...]:
        return self.data.class_names

    @cached_property
    def preprocessing(self) -> Preprocessing:
        return Preprocessing.from_json(self.record["preprocessing"])

    def own_test_part(
        self, data_dir: Path | None = None, progress: Callable[[int, int], None] | None = None
    ) -> ImageSet:
        """The images that this run was tested on, at the size of its network's input.

        Raises: DataError, when they are not there; StudyError, when they are not as they were.
        """
        found = self.given_data or self.data.load(data_dir, progress)
        if found.fingerprint != self.data.fingerprint:
            raise StudyError(
                f"{self.data.words} is not as it was when this run was trained, so that its test part may hold images "
                "that were trained on; to take it as other data, name it by --data"
            )
        return at_input(found, self.preprocessing.input_shape).test

    def model(self) -> Model:
        """The network's maker; without the weights that training began with, for the run has its own.

        Where the user's own file has changed since, or is not there, it is made from the run's copy of it.

        Raises: as `open_model`.
        """
        if self.given is not None:
            return self.given
        if not self.record["named"]:
            raise StudyError(
                f"{self.folder.path}: the network {self.name} was given as an object, which the folder does not hold; "
                "pass the network again"
            )
        return replace(open_model(self._usable_name), name=self.name.partition("@")[0])

    @property
    def copy_used(self) -> bool:
        """Whether the network is made from the run's copy of the user's file."""
        return self.given is None and self._usable_name != self.name.partition("@")[0]

    @property
    def _usable_name(self) -> str:
        return usable_name(self.name.partition("@")[0], self.folder.path, self.record["code"])

    def network(self, device: torch.device) -> nn.Module:
        """The trained network, in evaluation mode.

        Raises: ModelError, when the stored weights do not fit the network that its name gives now.
        """
        network = self.model().build(len(self.class_names), self.preprocessing.in_channels)
        path = self.folder.path / "weights.safetensors"
        try:
            load_model(network, str(path))
        except Exception as error:  # of safetensors or torch, for a torn file or other layers
            reason = " ".join(str(error).split())[:160]
            raise ModelError(f"{path} does not fit {self.name}, which may have changed since ({reason})") from error
        return network.to(device).eval()


def open_run(path: Path) -> TrainedRun:
    """Open a run's folder, or the folder of a comparison with a single run.

    Raises: StudyError, when there is no finished run, or more than one.
    """
    folder = RunFolder(path if path.name != "run.json" else path.parent)
    if not folder.complete:
        folder = _only_run(folder.path)
    try:
        record = folder.record()
    except (OSError, ValueError) as error:
        raise StudyError(f"{folder.path} cannot be read ({type(error).__name__}: {error})") from error
    lacking = [key for key in ("model", "code", "data", "preprocessing", "named") if key not in record]
    if lacking:
        raise StudyError(
            f"{folder.path} does not say its {lacking[0]}, for an older convstudy has written it; train it again"
        )
    return TrainedRun(folder, record)


def _only_run(path: Path) -> RunFolder:
    if not path.is_dir():
        raise StudyError(f"{path} is not there; expected the folder of a run, as `convstudy compare` leaves them")
    runs = sorted(found.parent for found in path.glob("*/seed-*/run.json"))
    if len(runs) == 1:
        return RunFolder(runs[0])
    if runs:
        raise StudyError(f"{path} holds {len(runs)} runs; name one of them, as in {runs[0]}")
    unfinished = RunFolder(path).checkpoint.exists() or any(path.glob("*/seed-*/checkpoint.pt"))
    if unfinished:
        raise StudyError(f"{path} holds a run that is not finished; the same command as before goes on with it")
    raise StudyError(f"{path} holds no run; expected run.json in it, as `convstudy compare` leaves it")
