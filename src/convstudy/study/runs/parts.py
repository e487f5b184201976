"""The parts that a run trains on and is validated by."""

from __future__ import annotations

from convstudy.data import DataSet, ImageSet, split_validation


def training_parts(data: DataSet, seed: int) -> tuple[ImageSet, ImageSet]:
    """Training and validation part; without a validation part in the data, one is split off by seed."""
    if data.validation is not None:
        return data.train, data.validation
    return split_validation(data.train, seed=seed)
