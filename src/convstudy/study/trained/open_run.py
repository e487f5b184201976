"""A finished run, opened again: its network, its classes, its preprocessing and its data."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_model
from torch import nn

from convstudy.data import DataSet, ImageSet
from convstudy.data.folds import in_fold
from convstudy.errors import ModelError, StudyError
from convstudy.study.models.opening import Model, open_model, partition_weights, runs_code
from convstudy.study.models.preprocessing import Preprocessing, at_input, with_channels
from convstudy.study.runs.data_record import DataRecord
from convstudy.study.runs.digests import AGAIN, check_files
from convstudy.study.runs.folder import RunFolder
from convstudy.study.runs.lr_trial import Trial
from convstudy.study.runs.record_file import as_record, reading
from convstudy.study.runs.seen_images import SeenCounts, SeenImages
from convstudy.study.runs.signing import is_signed
from convstudy.study.runs.source_copy import copy_of, source_file, usable_name
from convstudy.wording import reason_of


@dataclass(frozen=True)
class TrainedRun:
    """A finished run: its trained network, and everything that is needed to use it."""

    folder: RunFolder
    record: dict[str, Any]  # content of run.json
    given: Model | None = None  # its network, if that was given as an object
    given_data: DataSet | None = None  # its data, if they were given as an object
    trusted: bool = False  # whether the user vouches for its code

    @property
    def name(self) -> str:
        """Name of the network, as results call it."""
        return str(self.record["model"])

    @property
    def words(self) -> str:
        """Name of the network, as the user wrote it, by which it is opened again."""
        return str(self.record.get("words") or self.name)

    @cached_property
    def data(self) -> DataRecord:
        """Record of the data that the run was trained on."""
        with reading(self.folder.path / "run.json", AGAIN):
            return as_record(DataRecord, json.dumps(self.record["data"]))

    @property
    def class_names(self) -> tuple[str, ...]:
        """The classes, in the order of the logits."""
        return self.data.class_names

    @cached_property
    def preprocessing(self) -> Preprocessing:
        """Conversion of images to the network's input."""
        with reading(self.folder.path / "run.json", AGAIN):
            return Preprocessing.from_json(self.record["preprocessing"])

    def own_test_part(
        self, data_dir: Path | None = None, progress: Callable[[int, int], None] | None = None
    ) -> ImageSet:
        """Return the test set of this run, at the size of its network's input.

        Raises: DataError, if the data cannot be loaded; StudyError, if they have changed.
        """
        found = self.given_data or self.data.load(data_dir, progress)
        if found.fingerprint != self.data.fingerprint:
            raise StudyError(
                f"{self.data.words} has changed since this run was trained, so its test set may contain images that "
                "were trained on; to evaluate on it as other data, pass it as `data`",
                setting="data",
            )
        if self.data.folds is not None:
            found = in_fold(found, self.data.folds, int(self.record["seed"]))
        return at_input(found, self.preprocessing.input_shape).test

    def seen_among(self, images: ImageSet) -> SeenCounts | None:
        """Count the images that this run was trained on, by their pixels as they were read; None if it is not known.

        Raises: StudyError, if the file with the fingerprints is damaged.
        """
        seen = SeenImages.read(self.folder.seen)
        if images.loaded is None and images.images.shape[1] != self.data.in_channels:
            images = replace(images, images=with_channels(images.images, self.data.in_channels))
        return None if seen is None else seen.among(images)

    def model(self) -> Model:
        """Return the model of the network, without pretrained weights, since the run has its own.

        If the user's file has changed or no longer exists, the run's copy of it is used.

        Raises: as `open_model`; StudyError, if the network was given as an object and is needed again, or its code is
        somebody else's.
        """
        if self.given is not None:
            return self.given
        if self.foreign_code:
            raise StudyError(
                f"{self.folder.path} was not written by you on this machine, and using it runs {self.foreign_code}, "
                "which can do anything that you can; read it, then set `trust`",
                setting="trust",
            )
        if not self.record["named"]:
            raise StudyError(
                f"{self.folder.path}: the network {self.name} was given as an object, which is not stored in the "
                "folder; pass `network` again"
            )
        _, at, weights = partition_weights(self.words)
        opened = open_model(f"{self._usable_name}{at}{weights}", trained=False)
        return replace(
            opened, name=self.name.partition("@")[0], build=lambda *sizes: self.as_trained(opened.build(*sizes))
        )

    def as_trained(self, network: nn.Module) -> nn.Module:
        """Return a new network of this run after giving it the treatment of its input that the run trained with."""
        if self.record.get("transform_input"):
            network.transform_input = True  # type: ignore[assignment]
        return network

    @property
    def foreign_code(self) -> str:
        """The Python code that using the run would execute, if neither this user wrote the run nor vouches for it."""
        own = is_signed(str(self.record.get("digest")), self.record.get("signature"))
        if self.trusted or own or self.given is not None or not self.record["named"] or not runs_code(self.words):
            return ""
        return self._usable_name.rpartition(":")[0]

    @property
    def copy_used(self) -> bool:
        """Whether the network is built from the run's copy of the user's file."""
        return self.given is None and self._usable_name != partition_weights(self.words)[0]

    @property
    def source_exists(self) -> bool:
        """Whether the user's file that defines the network is where the run's name says."""
        source = source_file(partition_weights(self.words)[0])
        return source is not None and source.exists()

    @property
    def _usable_name(self) -> str:
        return usable_name(partition_weights(self.words)[0], self.folder.path, self.record["code"])

    def network(self, device: torch.device) -> nn.Module:
        """Return the trained network in evaluation mode.

        Raises: ModelError, if the stored weights do not fit the network; StudyError, if a file of the run is damaged.
        """
        path = self.folder.path / "weights.safetensors"
        copy = copy_of(self.words.partition("@")[0], self.folder.path)
        check_files(self.folder.path, self.record, [path.name, *([copy.name] if copy else [])])
        network = self.model().build(len(self.class_names), self.preprocessing.in_channels)
        try:
            load_model(network, str(path))
        except Exception as error:  # of safetensors or torch, for a damaged file or other layers
            reason = " ".join(str(error).split())[:160]
            raise ModelError(
                f"{path} does not fit {self.name}, which may have changed since the run ({reason})"
            ) from error
        return network.to(device).eval()


def open_run(path: Path, *, best: bool = False, trusted: bool = False) -> TrainedRun:
    """Open a run's folder, or the folder of a comparison with a single run; with `best`, the best run of several.

    The best run is the one with the highest validation top-1, then the lowest validation loss; test images play no
    role. A run that this user did not write is `trusted` with running its own Python code, or not.

    Raises: StudyError, if there is no finished run, or more than one and not `best`.
    """
    folder = RunFolder(path.parent if path.is_file() else path)
    if not folder.complete:
        folder = _chosen_run(folder.path, best)
    try:
        record = folder.record()
    except (OSError, ValueError) as error:
        raise StudyError(f"{folder.path} cannot be read ({reason_of(error)})") from error
    missing = [key for key in ("model", "code", "data", "preprocessing", "named") if key not in record]
    if missing:
        raise StudyError(
            f"the run.json of {folder.path} has no {missing[0]}; it was written by another version of convstudy or "
            "imported; train the network again"
        )
    return TrainedRun(folder, record, trusted=trusted)


def _chosen_run(path: Path, best: bool) -> RunFolder:
    if not path.is_dir():
        raise StudyError(f"{path} does not exist; expected a run's folder, as `convstudy train` writes it")
    folders = [RunFolder(found.parent) for found in sorted(path.glob("*/seed-*/run.json"))]
    runs = [folder for folder in folders if folder.epochs_so_far()]  # imported runs have no epochs, and no weights
    if len(runs) == 1 or (runs and best):
        return min(runs, key=_rank)
    if runs:
        highest = min(runs, key=_rank)
        raise StudyError(
            f"{path} holds {len(runs)} runs; give one of them, such as {highest.path}, which has the highest "
            "validation top-1"
        )
    unfinished = RunFolder(path).checkpoint.exists() or any(path.glob("*/seed-*/checkpoint.pt"))
    if unfinished:
        raise StudyError(f"{path} holds a run that is not finished; repeat its command to continue it")
    raise StudyError(f"{path} holds no run; expected a folder with run.json, as `convstudy train` writes it")


def _rank(folder: RunFolder) -> tuple[float, float, float]:
    """Return the sort key by which the best run is the first: that of the trials of a grid."""
    recipe = folder.record().get("recipe") or {}
    return Trial.of(0.0, 0.0, folder.epochs_so_far(), int(recipe.get("patience") or 0)).rank
