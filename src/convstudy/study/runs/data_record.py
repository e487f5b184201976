"""Record of the data that a run was trained on, from which they can be loaded again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from convstudy.data import DataSet, load
from convstudy.data.named import DEFAULT_DATA_DIR
from convstudy.data.parting import Parting
from convstudy.errors import DataError, StudyError, UnknownNameError


@dataclass(frozen=True, kw_only=True)
class DataRecord:
    """The settings by which the data were loaded, and a description of the data."""

    words: str  # name or path, as the user gave it
    data_dir: str | None
    test_data: str | None
    skip_bad_images: bool
    name: str
    fingerprint: str
    class_names: tuple[str, ...]
    in_channels: int
    image_side: int  # before images are resized to the network's input
    train_images: int | None = None  # size of the training subset; None: all
    group_by: str | None = None  # by what images depend on each other; None: as a table says, or not at all
    folds: int | None = None  # of a cross-validation; its data have no test part
    named: bool = True  # whether `words` loads the data again; False if they were given as an object
    folder: str | None = None  # the absolute path of the folder that relative paths start from

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
        group_by: str | None = None,
        folds: int | None = None,
    ) -> DataRecord:
        """Return the record of data that were loaded with these settings."""
        return cls(
            words=words,
            data_dir=str(data_dir) if data_dir else None,
            test_data=str(test_data) if test_data else None,
            skip_bad_images=skip_bad_images,
            name=data.name,
            fingerprint=data.fingerprint,
            class_names=data.class_names,
            in_channels=data.in_channels,
            image_side=data.side,
            train_images=train_images,
            group_by=group_by,
            folds=folds,
            named=data.named,
            folder=str(Path.cwd()) if data.named else None,
        )

    def load(self, data_dir: Path | None = None, progress: Callable[[int, int], None] | None = None) -> DataSet:
        """Load the same data again; `data_dir` replaces the recorded folder of named data sets.

        Relative paths start from the folder in which the run was trained or, if they do not exist there any more, from
        the current one.

        Raises: as `convstudy.data.load`; StudyError, if the data were given as an object.
        """
        if not self.named:
            raise StudyError(
                "the data of this run were given as an object, which is not stored in its folder; pass `data` again"
            )
        try:
            return load(
                str(self._there(Path(self.words)) or self.words),
                data_dir=data_dir or self._there(Path(self.data_dir or DEFAULT_DATA_DIR)) or _path(self.data_dir),
                test_data=self._there(Path(self.test_data)) or Path(self.test_data) if self.test_data else None,
                side=self.image_side,
                skip_bad_images=self.skip_bad_images,
                parting=Parting(self.train_images, self.group_by, whole=self.folds is not None),
                progress=progress,
            )
        except (DataError, UnknownNameError) as error:
            if self.folder is None or Path.cwd() == Path(self.folder) or self._there(Path(self.words)):
                raise
            raise DataError(
                f"{error}; this run was trained in {self.folder}, where the path {self.words} started"
            ) from error

    def _there(self, path: Path) -> Path | None:
        """Return where a path of this record is, or None if it is neither where it was nor in the current folder."""
        places = (path,) if self.folder is None else (Path(self.folder) / path, path)
        return next((place for place in places if place.exists()), None)


def _path(words: str | None) -> Path | None:
    return Path(words) if words else None
