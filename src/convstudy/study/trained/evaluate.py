"""A finished run on test images: those of its own data, or others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from convstudy.data import DataSet, ImageSet, at_side, load, resize
from convstudy.data.split import TEST_NOTE
from convstudy.errors import DataError
from convstudy.inference import predict
from convstudy.statistics import Interval, accuracy_interval
from convstudy.study.models.preprocessing import recoloured
from convstudy.study.trained.open_run import TrainedRun


@dataclass(frozen=True)
class ClassTop1:
    """How many images of one class were recognised."""

    name: str
    images: int
    right: int


@dataclass(frozen=True)
class Evaluated:
    """What a run's network reaches on images that it was not trained on."""

    model: str
    data: str
    part: str  # "test", or "all": every image of data that come in no parts
    images: int
    top1: Interval  # Wilson's: other images of the same kind, not other seeds
    loss: float  # mean cross entropy, in nats
    classes: tuple[ClassTop1, ...]


def evaluate(
    run: TrainedRun,
    device: torch.device,
    *,
    data: str | DataSet | None = None,
    data_dir: Path | None = None,
    test_data: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Evaluated:
    """Top-1 on the test part of the run's own data, or of `data`; of data without a test part, on every image.

    Raises: DataError, when the classes are not the run's; StudyError, when the run's own data have changed.
    """
    if data is None:
        return _evaluated(run, device, run.data.name, "test", run.own_test_part(data_dir, progress))
    side = run.preprocessing.image_side
    if isinstance(data, str):
        white = run.preprocessing.white
        found = load(data, data_dir=data_dir, test_data=test_data, side=side, white=white, progress=progress)
    else:
        found = at_side(data, side)
    part, images = _unseen(found)
    return _evaluated(run, device, found.name, part, _as_trained(run, found, images))


def _unseen(data: DataSet) -> tuple[str, ImageSet]:
    """The test part that other data came with; without one, all images, for none was trained on."""
    if TEST_NOTE not in data.notes:
        return "test", data.test
    parts = [part for part in (data.train, data.validation, data.test) if part is not None]
    return "all", ImageSet(
        np.concatenate([part.images for part in parts]),
        np.concatenate([part.labels for part in parts]),
        tuple(name for part in parts for name in part.ids),
    )


def _as_trained(run: TrainedRun, data: DataSet, part: ImageSet) -> ImageSet:
    """The images at the size and with the channels and class numbers of the run."""
    known, there = run.class_names, data.class_names
    odd = sorted(set(known) ^ set(there))
    if odd:
        where = "is not one of the run's" if odd[0] in there else "of the run is not there"
        raise DataError(
            f"{data.name} has other classes than the run: '{odd[0]}' {where}; expected {', '.join(known[:10])}"
            f"{', ...' if len(known) > 10 else ''}"
        )
    numbers = np.array([known.index(name) for name in there], np.int64)
    images = recoloured(part.images, run.preprocessing.in_channels)
    return ImageSet(resize(images, run.preprocessing.input_side), numbers[part.labels], part.ids)


def _evaluated(run: TrainedRun, device: torch.device, data: str, part: str, images: ImageSet) -> Evaluated:
    resident = run.preprocessing.resident(images.images, images.labels, device)
    logits = predict(run.network(device), resident)
    right = logits.argmax(1).numpy() == images.labels
    return Evaluated(
        run.name,
        data,
        part,
        len(images),
        accuracy_interval(right[None]),
        F.cross_entropy(logits, torch.from_numpy(images.labels)).item(),
        tuple(
            ClassTop1(name, int((images.labels == label).sum()), int(right[images.labels == label].sum()))
            for label, name in enumerate(run.class_names)
        ),
    )
