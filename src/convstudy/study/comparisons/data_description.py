"""Description of the data of a comparison: sets, classes, and problems that were found."""

from __future__ import annotations

import numpy as np

from convstudy.data import DataSet, inspect_loaded, pixel_statistics
from convstudy.data.folds import in_fold
from convstudy.study.comparisons.results import DataDescription, DataFinding
from convstudy.study.runs.parts import training_parts

EXAMPLES = 5  # groups of images listed per finding


def describe_data(data: DataSet, seed: int, folds: int | None = None) -> DataDescription:
    """Describe the data as split for a run with this seed; mean and standard deviation are of the training set.

    Of a cross-validation, all images are tested; the other sets are those of the run with this seed.
    """
    parted = data if folds is None else in_fold(data, folds, seed)
    train, validation = training_parts(parted, seed)
    mean, std = pixel_statistics(train.images)
    counts = {
        name: tuple(np.bincount(part.labels, minlength=data.num_classes).tolist())
        for name, part in (("train", train), ("validation", validation), ("test", data.test))
    }
    return DataDescription(
        name=data.name,
        source=data.source,
        class_names=data.class_names,
        image_shape=(data.in_channels, data.side, data.side),
        train=len(train),
        validation=len(validation),
        test=len(data.test),
        mean=mean,
        std=std,
        notes=data.notes,
        fingerprint=data.fingerprint,
        findings=tuple(
            DataFinding(found.kind, found.sentence, found.contaminates, found.images[:EXAMPLES])
            for found in inspect_loaded(parted)
        ),
        class_counts=counts,
        test_groups=data.test.num_groups,
    )
