"""The training set and the validation set of a run."""

from __future__ import annotations

from convstudy.data import DataSet, ImageSet, split_validation


def training_parts(data: DataSet, seed: int) -> tuple[ImageSet, ImageSet]:
    """Return training and validation set; if the data have no validation set, it is split off according to the seed.

    What is split shares the images of the data: nothing is copied.
    """
    if data.validation is not None:
        return data.train, data.validation
    return split_validation(data.train.sharing(), seed=seed)
