"""Evaluation of a finished run on its own test set or on other data."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from convstudy.data import ImageSet, resize
from convstudy.data.file_names import spelling_advice
from convstudy.data.image_set import EvaluationSet
from convstudy.data.in_memory import given_to_evaluate
from convstudy.errors import DataError
from convstudy.inference import predict
from convstudy.statistics import Interval, numbered_groups, top1_interval
from convstudy.study.models.preprocessing import with_channels
from convstudy.study.runs.seen_images import SeenCounts
from convstudy.study.trained.open_run import TrainedRun
from convstudy.wording import plural, some


@dataclass(frozen=True)
class ClassTop1:
    """Number of images of one class, and how many of them were classified correctly.

    >>> ClassTop1("cat", 4, 3).top1, ClassTop1("dog", 0, 0).top1
    (0.75, None)
    """

    name: str
    images: int
    right: int
    top1: float | None = field(init=False)  # None, without images of the class

    def __post_init__(self) -> None:
        object.__setattr__(self, "top1", self.right / self.images if self.images else None)


class EvaluatedPart(StrEnum):
    """Which images of a data set were evaluated."""

    TEST = "test"
    ALL = "all"  # of data that do not come with a test set


@dataclass(frozen=True, kw_only=True)
class Evaluated:
    """Accuracy of the network of one run on images; another seed gives another network with another accuracy."""

    model: str
    seed: int
    data: str
    part: EvaluatedPart
    images: int
    seen: SeenCounts | None  # how many of them the run was trained on or chosen by; None if its folder does not say
    groups: int | None = None  # of images that depend on each other; None: taken as independent
    top1: Interval  # for other images (or groups of them) of the same kind, not for other seeds
    loss: float  # mean cross entropy, in nats
    classes: tuple[ClassTop1, ...]
    notes: tuple[str, ...] = ()  # what was done to the images


def evaluate(
    run: TrainedRun,
    device: torch.device,
    *,
    data: Any = None,
    data_dir: Path | None = None,
    test_data: Path | None = None,
    skip_bad_images: bool = False,
    progress: Callable[[int, int], None] | None = None,
    **of_given: Any,
) -> Evaluated:
    """Return top-1 accuracy and loss on the test set of the run's own data, or of `data`.

    `data` need no training set; without a test set, all their images are used. `test_data` alone is a file of arrays
    with a test set. Images that are also in the run's training or validation set are counted in `seen`. Data may lack
    classes of the run, which is noted; the network may still predict them.

    Raises: DataError, if the data have a class that the run does not have; StudyError, if the run's own data have
    changed.
    """
    if data is None and test_data is None:
        own = run.own_test_part(data_dir, progress)
        return _evaluated(run, device, run.data.name, EvaluatedPart.TEST, own, run.seen_among(own))
    of_source: dict[str, Any] = of_given
    if data is None or isinstance(data, str | Path):
        of_source = {
            "data_dir": data_dir,
            "test_data": test_data,
            "skip_bad_images": skip_bad_images,
            "white": run.preprocessing.white,
            "progress": progress,
        }
    side = run.preprocessing.image_side
    found = given_to_evaluate(data, expected=run.class_names, side=side, **of_source)
    part = EvaluatedPart.TEST if found.is_test else EvaluatedPart.ALL
    seen = run.seen_among(found.images)
    images = _as_trained(run, found)
    notes = (*found.notes, *_absent_classes(run.class_names, images))
    return _evaluated(run, device, found.name, part, images, seen, notes)


def _as_trained(run: TrainedRun, data: EvaluationSet) -> ImageSet:
    """Return the images with the size, channels and class numbers of the run."""
    expected, found = run.class_names, data.class_names
    unknown = sorted(set(found) - set(expected))
    if unknown:
        quoted = [f"'{name}'" for name in unknown]
        raise DataError(
            f"{data.name} has other classes than the run: {some(quoted)} "
            f"{'is not a class' if len(unknown) == 1 else 'are not classes'} of the run; expected {some(expected)}"
            f"{spelling_advice(unknown, expected) or _naming_advice(unknown)}"
        )
    numbers = np.array([expected.index(name) for name in found], np.int64)
    images = with_channels(data.images.images, run.preprocessing.in_channels)
    return replace(data.images, images=resize(images, run.preprocessing.input_side), labels=numbers[data.images.labels])


def _naming_advice(unknown: Sequence[str]) -> str:
    """Say how arrays name their classes, if these are numbers."""
    numbers = all(name.isdecimal() for name in unknown)
    return "; arrays name their classes in an array `classes`, in the order of the numbers" if numbers else ""


def _absent_classes(class_names: tuple[str, ...], images: ImageSet) -> Iterator[str]:
    """Say which classes of the run have no image."""
    there = set(images.labels.tolist())
    absent = [name for label, name in enumerate(class_names) if label not in there]
    if absent:
        yield (
            f"no images of {len(absent)} of the run's {plural(len(class_names), 'class')} ({some(absent)}): top-1 of "
            "these is unknown, and predictions of them count as wrong"
        )


def _evaluated(
    run: TrainedRun,
    device: torch.device,
    data: str,
    part: EvaluatedPart,
    images: ImageSet,
    seen: SeenCounts | None,
    notes: tuple[str, ...] = (),
) -> Evaluated:
    resident = run.preprocessing.resident(images.images, images.labels, device)
    logits = predict(run.network(device), resident)
    right = logits.argmax(1).numpy() == images.labels
    return Evaluated(
        model=run.name,
        seed=int(run.record["seed"]),
        data=data,
        part=part,
        images=len(images),
        seen=seen,
        groups=images.num_groups,
        top1=top1_interval(right[None], numbered_groups(images.groups) if images.groups else None),
        loss=F.cross_entropy(logits, torch.from_numpy(images.labels)).item(),
        classes=tuple(
            ClassTop1(name, int((images.labels == label).sum()), int(right[images.labels == label].sum()))
            for label, name in enumerate(run.class_names)
        ),
        notes=notes,
    )
