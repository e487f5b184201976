"""Which data a run was trained on, so that they can be found again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from convstudy.data import DataSet, load
from convstudy.errors import StudyError


@dataclass(frozen=True)
class DataRecord:
    """The words that the data were asked for by, and what they were."""

    words: str  # as after --data
    data_dir: str | None
    test_data: str | None
    skip_bad_images: bool
    name: str
    fingerprint: str
    class_names: tuple[str, ...]
    in_channels: int
    image_side: int  # before they are resized to the network's input
    train_images: int | None = None  # of the training part; None: all
    named: bool = True  # whether the words load it again; not if it was given as an object

    @classmethod
    def of(
        cls,
        data: DataSet,
        words: str,
        *,
        data_dir: Path | None,
        test_data: Path | None,
        skip_bad_images: bool,
        train_images: int | None = None,
    ) -> DataRecord:
        """Describe data that were loaded by these words."""
        return cls(
            words,
            str(data_dir) if data_dir else None,
            str(test_data) if test_data else None,
            skip_bad_images,
            data.name,
            data.fingerprint,
            data.class_names,
            data.in_channels,
            data.side,
            train_images,
            data.named,
        )

    def load(self, data_dir: Path | None = None, progress: Callable[[int, int], None] | None = None) -> DataSet:
        """Load the same data again; `data_dir` is where named sets lie now, if not where they lay then.

        Raises: as `convstudy.data.load`; StudyError, for data that were given as an object.
        """
        if not self.named:
            raise StudyError(
                "the data of this run were given as an object, which its folder does not hold; pass the data again"
            )
        return load(
            self.words,
            data_dir=data_dir or (Path(self.data_dir) if self.data_dir else None),
            test_data=Path(self.test_data) if self.test_data else None,
            side=self.image_side,
            skip_bad_images=self.skip_bad_images,
            train_images=self.train_images,
            progress=progress,
        )
