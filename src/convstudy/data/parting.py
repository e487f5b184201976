"""How the images of a source are divided: by groups, and with a test set split off if there is none."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from convstudy.data.alike import kin_of
from convstudy.data.groups import groups_by
from convstudy.data.image_set import ImageSet
from convstudy.data.split import TEST_NOTE, split_test
from convstudy.errors import DataError
from convstudy.wording import plural

WHOLE_NOTE = "no test set: every image is tested by cross-validation"


@dataclass(frozen=True)
class Parting:
    """What is asked of the training, validation and test set of some data."""

    train_images: int | None = None  # size of the training set, stratified, the same for every seed; None: all
    group_by: str | None = None  # `folder`, or an expression on paths (see `groups_by`); None: as a table says
    whole: bool = False  # whether training and test set both are all images, as for cross-validation

    def grouped(self, images: ImageSet) -> ImageSet:
        """Return the images with their groups. Raises: as `groups_by`."""
        return images if self.group_by is None else replace(images, groups=groups_by(self.group_by, images.ids))

    def parts(
        self, train: ImageSet, validation: ImageSet | None, test: ImageSet | None
    ) -> tuple[ImageSet, ImageSet, tuple[str, ...]]:
        """Return training and test set with notes; near-duplicates are found if a set is or will be split off.

        Raises: DataError, if several sets were provided although all images should stay together; as `split_test`.
        """
        if self.whole and (validation is not None or test is not None):
            there = "validation" if test is None else "test"
            raise DataError(
                f"folds are for data that are not split yet, but these have a {there} set, which cross-validation "
                "would not respect; remove `folds`",
                setting="folds",
            )
        if validation is None or test is None:
            train = replace(train, kin=kin_of(train.images))
        notes = tuple(self._notes(train))
        if self.whole:
            return train, train, (WHOLE_NOTE, *notes)
        if test is not None:
            _check_test(test)
            return train, test, notes
        train, test = split_test(train)
        _check_test(test)
        return train, test, (TEST_NOTE, *notes)

    def _notes(self, train: ImageSet) -> Iterator[str]:
        if train.groups:
            by = "as the data name them" if self.group_by is None else f"by {self.group_by}"
            yield f"{train.num_groups:,} groups of images {by}, each of which stays in one set"
        if train.kin is not None:
            counts = np.unique(train.kin, return_counts=True)[1]
            number = int(counts[counts > 1].sum())
            yield f"{plural(number, 'near-duplicate')} stay together when a set is split off"


def _check_test(test: ImageSet) -> None:
    """Check that results on a test set in groups can be generalized to others. Raises: DataError."""
    if test.num_groups == 1:
        raise DataError(
            f"the {plural(len(test), 'image')} of the test set are of one group ('{test.groups[0]}'); expected two "
            "groups or more, since results on one say nothing about others"
        )
