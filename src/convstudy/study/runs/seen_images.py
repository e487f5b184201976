"""The images that a run was trained on, known by fingerprints of their pixels."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from convstudy.data import ImageSet
from convstudy.errors import StudyError
from convstudy.files import whole_file
from convstudy.processes import first
from convstudy.wording import reason_of


@dataclass(frozen=True, kw_only=True)
class SeenCounts:
    """How many images are, pixel by pixel, among those that a run was trained on or chosen by."""

    training: int
    validation: int  # and not in the training set


@dataclass(frozen=True, kw_only=True)
class SeenImages:
    """The fingerprints of a run's training and validation images."""

    training: npt.NDArray[np.uint64]
    validation: npt.NDArray[np.uint64]

    @classmethod
    def of(cls, training: ImageSet, validation: ImageSet) -> SeenImages:
        """Return the fingerprints of the image sets of a run."""
        return cls(training=training.fingerprints, validation=validation.fingerprints)

    def among(self, images: ImageSet) -> SeenCounts:
        """Count the images that are in the training or the validation set.

        >>> images = ImageSet(np.arange(12, dtype=np.uint8).reshape(3, 1, 2, 2), np.zeros(3, int), ("a", "b", "c"))
        >>> first_two = images.chosen(np.array([0, 1]))
        >>> SeenImages.of(first_two, first_two).among(images)
        SeenCounts(training=2, validation=0)
        """
        trained = np.isin(images.fingerprints, self.training)
        chosen_by = np.isin(images.fingerprints, self.validation) & ~trained
        return SeenCounts(training=int(trained.sum()), validation=int(chosen_by.sum()))

    def write(self, path: Path) -> None:
        """Write the fingerprints to an .npz file; if several processes train together, the first one writes."""

        def write() -> None:
            with whole_file(path, new_folder=False) as draft, draft.open("wb") as file:
                np.savez(file, training=np.unique(self.training), validation=np.unique(self.validation))

        first(write)

    @classmethod
    def read(cls, path: Path) -> SeenImages | None:
        """Read the fingerprints, or return None if a run of an earlier version stored none.

        Raises: StudyError, if the file is damaged.
        """
        if not path.exists():
            return None
        try:
            with np.load(path, allow_pickle=False) as stored:
                return cls(training=stored["training"], validation=stored["validation"])
        except Exception as error:  # of NumPy or zipfile, which raise anything on damaged files
            raise StudyError(f"{path} cannot be read ({reason_of(error)}); delete it to go on") from error
