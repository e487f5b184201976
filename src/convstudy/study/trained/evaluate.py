"""Evaluation of a finished run on its own test set or on other data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from convstudy.data import DataSet, ImageSet, at_side, load, resize
from convstudy.data.split import TEST_NOTE
from convstudy.errors import DataError
from convstudy.inference import predict
from convstudy.statistics import Interval, numbered_groups, top1_interval
from convstudy.study.models.preprocessing import with_channels
from convstudy.study.trained.open_run import TrainedRun


@dataclass(frozen=True)
class ClassTop1:
    """Number of images of one class, and how many of them were classified correctly."""

    name: str
    images: int
    right: int


class EvaluatedPart(StrEnum):
    """Which images of a data set were evaluated."""

    TEST = "test"
    ALL = "all"  # of data that do not come with a test set


@dataclass(frozen=True, kw_only=True)
class Evaluated:
    """Accuracy of a run's network on images that it was not trained on."""

    model: str
    data: str
    part: EvaluatedPart
    images: int
    top1: Interval  # Wilson interval: for other images of the same kind, not for other seeds
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
    """Return top-1 accuracy and loss on the test set of the run's own data, or of `data`.

    If `data` have no test set, all their images are used.

    Raises: DataError, if the classes differ from those of the run; StudyError, if the run's own data have changed.
    """
    if data is None:
        return _evaluated(run, device, run.data.name, EvaluatedPart.TEST, run.own_test_part(data_dir, progress))
    side = run.preprocessing.image_side
    if isinstance(data, str):
        white = run.preprocessing.white
        found = load(data, data_dir=data_dir, test_data=test_data, side=side, white=white, progress=progress)
    else:
        found = at_side(data, side)
    part, images = _unseen(found)
    return _evaluated(run, device, found.name, part, _as_trained(run, found, images))


def _unseen(data: DataSet) -> tuple[EvaluatedPart, ImageSet]:
    """Return the test set of other data or, if they have none, all images, since none was trained on."""
    if TEST_NOTE not in data.notes:
        return EvaluatedPart.TEST, data.test
    parts = [part for part in (data.train, data.validation, data.test) if part is not None]
    return EvaluatedPart.ALL, ImageSet(
        np.concatenate([part.images for part in parts]),
        np.concatenate([part.labels for part in parts]),
        tuple(name for part in parts for name in part.ids),
        tuple(name for part in parts for name in part.groups),
    )


def _as_trained(run: TrainedRun, data: DataSet, part: ImageSet) -> ImageSet:
    """Return the images with the size, channels and class numbers of the run."""
    expected, found = run.class_names, data.class_names
    differing = sorted(set(expected) ^ set(found))
    if differing:
        problem = "is not a class of the run" if differing[0] in found else "is missing"
        raise DataError(
            f"{data.name} has other classes than the run: '{differing[0]}' {problem}; expected "
            f"{', '.join(expected[:10])}{', ...' if len(expected) > 10 else ''}"
        )
    numbers = np.array([expected.index(name) for name in found], np.int64)
    images = with_channels(part.images, run.preprocessing.in_channels)
    return ImageSet(resize(images, run.preprocessing.input_side), numbers[part.labels], part.ids, part.groups)


def _evaluated(run: TrainedRun, device: torch.device, data: str, part: EvaluatedPart, images: ImageSet) -> Evaluated:
    resident = run.preprocessing.resident(images.images, images.labels, device)
    logits = predict(run.network(device), resident)
    right = logits.argmax(1).numpy() == images.labels
    return Evaluated(
        model=run.name,
        data=data,
        part=part,
        images=len(images),
        top1=top1_interval(right[None], numbered_groups(images.groups) if images.groups else None),
        loss=F.cross_entropy(logits, torch.from_numpy(images.labels)).item(),
        classes=tuple(
            ClassTop1(name, int((images.labels == label).sum()), int(right[images.labels == label].sum()))
            for label, name in enumerate(run.class_names)
        ),
    )
